use crate::{Charge, CostStatus, Price, PriceQuery, Prices, Units, Usage};

/// The billed usage of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers construct it")]
pub struct Used {
    /// The tokens.
    pub tokens: Usage,
    /// Images, seconds and queries, or `None` if they were not counted.
    pub units: Option<Units>,
    /// The usage of the guardrail in front of the model.
    pub guardrail: GuardrailUse,
}

/// The usage of a guardrail's policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardrailUse {
    /// No guardrail was applied.
    #[default]
    NotApplied,
    /// The units used, by policy.
    Counted(Units),
    /// A guardrail was applied, but its usage was not reported. These are the maximum units, by policy.
    AtMost(Units),
    /// A guardrail was applied, but its usage is unknown.
    Unknown,
}

impl From<Usage> for Used {
    fn from(tokens: Usage) -> Self {
        Self { tokens, ..Self::default() }
    }
}

impl Prices {
    /// Returns the charge for the usage of a call: the model's charge plus the guardrail's charge.
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

    /// Returns the charge for the usage of a guardrail. It does not depend on the query's model.
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
    /// Returns the charge for tokens, and for units if they were counted.
    #[must_use]
    pub fn charge_used(&self, tokens: &Usage, units: Option<&Units>) -> Charge {
        match units {
            Some(units) => self.charge_with_units(tokens, units),
            None => self.charge(tokens),
        }
    }
}
