use crate::{Charge, CostStatus, Price, PriceQuery, Prices, Units, Usage};

/// All that is billed of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "whoever counted fills it in")]
pub struct Used {
    /// The tokens.
    pub tokens: Usage,
    /// Images, seconds and queries; `None` where nobody counted them.
    pub units: Option<Units>,
    /// What the guardrail in front of the model used.
    pub guardrail: GuardrailUse,
}

/// What a guardrail used of its policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardrailUse {
    /// There was none.
    #[default]
    NotApplied,
    /// These units, by policy.
    Counted(Units),
    /// It was applied, and nobody said what it used: no more than these units, by policy.
    AtMost(Units),
    /// It was applied, and nobody can say what it used.
    Unknown,
}

impl From<Usage> for Used {
    fn from(tokens: Usage) -> Self {
        Self { tokens, ..Self::default() }
    }
}

impl Prices {
    /// What a call cost that used this: its model's charge and its guardrail's.
    ///
    /// ```
    /// use outlay_price::{GuardrailUse, ModelRef, PriceQuery, Prices, Unit, UnitCount, Usage, Used};
    ///
    /// let model = ModelRef::parse("us.anthropic.claude-sonnet-4-5-20250929-v1:0")?;
    /// let query = PriceQuery::new(model, "2026-11-20T12:00:00Z".parse()?);
    /// let topics = UnitCount::new(Unit::GuardrailUnit, 2).with_word("topicPolicyUnits");
    /// let used = Used {
    ///     tokens: Usage::new().with_uncached_input(1_000),
    ///     guardrail: GuardrailUse::Counted(topics.into()),
    ///     ..Used::default()
    /// };
    /// assert_eq!(Prices::bundled().charge(&query, &used).total().to_string(), "$0.003600");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn charge(&self, query: &PriceQuery<'_>, used: &Used) -> Charge {
        let model = match self.lookup(query) {
            Some(price) => price.charge_used(&used.tokens, used.units.as_ref()),
            None => Charge::unpriced(),
        };
        model.and(self.charge_guardrail(query, &used.guardrail))
    }

    /// What a guardrail cost that used this, whatever the query's model.
    #[must_use]
    pub fn charge_guardrail(&self, query: &PriceQuery<'_>, guardrail: &GuardrailUse) -> Charge {
        let (units, status) = match guardrail {
            GuardrailUse::NotApplied => return Charge::free(),
            GuardrailUse::Unknown => return Charge::unpriced(),
            GuardrailUse::Counted(units) => (units, CostStatus::Exact),
            GuardrailUse::AtMost(units) => (units, CostStatus::Bounded),
        };
        if units.is_empty() {
            return Charge::free();
        }
        match self.guardrails_of(query) {
            Some(price) => price.charge_units(units).with_status(status),
            None => Charge::unpriced(),
        }
    }
}

impl Price {
    /// What these tokens cost, with the units where they were counted.
    #[must_use]
    pub fn charge_used(&self, tokens: &Usage, units: Option<&Units>) -> Charge {
        match units {
            Some(units) => self.charge_with_units(tokens, units),
            None => self.charge(tokens),
        }
    }
}
