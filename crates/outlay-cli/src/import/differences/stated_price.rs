use crate::import::resolutions::{NamedReason, Resolutions, Source};
use crate::import::source_id::Id;
use outlay_price::{
    CacheTtl, ModelRef, Price, PriceQuery, Prices, Routing, Tier, Timestamp, Unit, UnitCount, Units, Usage, Usd,
};

/// A price that a source states.
#[derive(Clone, Debug)]
pub(in crate::import) struct StatedPrice {
    pub(in crate::import) source: Source,
    /// The name of the model in the source.
    pub(in crate::import) key: String,
    pub(in crate::import) id: Id,
    /// The start of the price, if the source states it.
    pub(in crate::import) from: String,
    pub(in crate::import) at: Timestamp,
    pub(in crate::import) tier: Tier,
    /// The name of the price in the source.
    pub(in crate::import) field: String,
    pub(super) billed: Billed,
    /// The price per token, or per unit.
    pub(in crate::import) price: Usd,
    /// Whether the source has the same price for text input.
    pub(super) same_as_text: bool,
    /// Whether the source has one price for all context sizes.
    pub(super) is_flat: bool,
}

/// A unit of billing.
#[derive(Clone, Debug)]
pub(super) enum Billed {
    /// Tokens of a kind, in calls with more input than this.
    Tokens(Kind, u64),
    Unit(UnitCount),
    /// An hour of a model unit under a commitment.
    Capacity(Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Input,
    Output,
    CacheRead,
    /// With the default lifetime of a cache write.
    CacheWrite,
    CacheWriteHour,
    InputAudio,
    OutputAudio,
}

impl StatedPrice {
    fn lookup<'p>(&self, prices: &'p Prices) -> Option<&'p Price> {
        let wire = self.id.wire();
        let mut query = PriceQuery::new(ModelRef::parse(&wire).ok()?, self.at);
        // A source without regions is about us-east-1, and about the geography of a profile.
        let stated = matches!(self.id.routing, Routing::InRegion | Routing::Global).then_some("us-east-1");
        query.region = self.id.region.as_deref().or(stated);
        query.tier = self.tier;
        match wire.as_str() {
            "guardrails" => prices.guardrails(None, self.at),
            _ => prices.lookup(&query),
        }
    }

    /// Returns what the catalogue charges for it, with the lookup that calls use.
    pub(in crate::import) fn charged(&self, prices: &Prices) -> Option<Usd> {
        let price = self.lookup(prices)?;
        let charge = match &self.billed {
            Billed::Capacity(word) => return price.capacity_cost(Unit::ModelUnitHour, word.as_deref(), 1_000),
            Billed::Unit(count) => price.charge_units(&count.clone().into()),
            Billed::Tokens(kind, over) => price.charge_with_units(&kind.usage(*over), &Units::new()),
        };
        let (amount, count) = match self.billed {
            Billed::Tokens(Kind::Output | Kind::OutputAudio, _) => (charge.output(), 1),
            Billed::Tokens(_, over) => (charge.total(), i128::from(over + 1)),
            Billed::Unit(_) | Billed::Capacity(_) => (charge.total(), 1),
        };
        charge.is_priced().then(|| Usd::from_picos(amount.picos() / count))
    }

    /// Returns the rule that explains why the charge differs, and its reason.
    pub(super) fn rule<'a>(&self, rules: &'a Resolutions, prices: &Prices) -> Option<(&'a str, &'a str)> {
        let reason_unpriced = self.reason_unpriced(rules, prices).map(|rule| (&*rule.name, &*rule.reason));
        let by_aws = || {
            // The list states input and output. In us-east-1, other prices are as the other sources state them.
            let is_plain = matches!(self.billed, Billed::Tokens(Kind::Input | Kind::Output, 0));
            let is_of_another_region = self.id.region.is_some() || matches!(self.id.routing, Routing::Geo(_));
            let price = self.lookup(prices).filter(|_| is_plain || is_of_another_region)?;
            let rule = &rules.aws_is_closer;
            price.source().starts_with(&*rules.sources.price_list.name).then_some((&*rule.name, &*rule.reason))
        };
        let by_change = || rules.change_rule(&self.id.model, self.lookup(prices)?.note());
        reason_unpriced.or_else(|| rules.reason(&self.id, self.source)).or_else(by_aws).or_else(by_change)
    }

    /// Returns the rule that explains why nothing is charged for it.
    pub(in crate::import) fn reason_unpriced<'a>(
        &self,
        rules: &'a Resolutions,
        prices: &Prices,
    ) -> Option<&'a NamedReason> {
        if self.charged(prices).is_some() {
            return None;
        }
        match self.billed {
            // Audio is charged as text.
            Billed::Tokens(Kind::InputAudio, over) if self.same_as_text => {
                let as_text = Self { billed: Billed::Tokens(Kind::Input, over), ..self.clone() };
                as_text.charged(prices).map(|_| &rules.audio_as_text)
            }
            Billed::Tokens(_, 1..) if self.is_flat => Some(&rules.long_context_unknown),
            _ => None,
        }
    }

    /// Returns whether a rule states the unit by size and quality, which this price does not have.
    pub(in crate::import) fn is_stated_by_unit(&self, rules: &Resolutions, prices: &Prices) -> bool {
        let is_known = |id: &str| prices.rows().any(|price| price.model() == id);
        matches!(self.billed, Billed::Unit(_)) && rules.units_of(&self.id).is_some() && is_known(&self.id.model)
    }

    /// Returns the price as dollars per million tokens, or per unit.
    pub(super) fn text(&self, price: Usd) -> String {
        match self.billed {
            Billed::Tokens(..) => price.saturating_mul(1_000_000).to_decimal(),
            Billed::Unit(_) | Billed::Capacity(_) => price.to_decimal(),
        }
    }
}

impl Kind {
    /// Returns the usage of a call with one more input token than `over`, all of this kind, or with one output token.
    fn usage(self, over: u64) -> Usage {
        let usage = Usage::new();
        match self {
            Self::Input => usage.with_uncached_input(over + 1),
            Self::CacheRead => usage.with_cache_read(over + 1),
            Self::CacheWrite => usage.with_cache_write(CacheTtl::FiveMinutes, over + 1),
            Self::CacheWriteHour => usage.with_cache_write(CacheTtl::OneHour, over + 1),
            Self::InputAudio => usage.with_input_audio(over + 1),
            // The input only sets the context size.
            Self::Output if over > 0 => usage.with_uncached_input(over + 1).with_output(1),
            Self::OutputAudio if over > 0 => usage.with_uncached_input(over + 1).with_output_audio(1),
            Self::Output => usage.with_output(1),
            Self::OutputAudio => usage.with_output_audio(1),
        }
    }
}
