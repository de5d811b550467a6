//! Every price that the sources state, beside what the catalogue charges for one call of that kind.
//!
//! Reads the sources on its own, so that a slip of the importers shows as a difference.

use jiff::Timestamp;

use super::id::Id;
use super::resolutions::{Named, Resolutions, Source};
use super::{BuildError, RawSources};
use outlay_price::{CacheTtl, ModelRef, Price, PriceQuery, Prices, Routing, Tier, Unit, UnitCount, Units, Usage, Usd};

mod genai;
mod litellm;

#[cfg(test)]
mod tests;

/// A price that a source states.
#[derive(Clone, Debug)]
pub(super) struct Stated {
    pub(super) source: Source,
    /// What the source calls the model.
    pub(super) key: String,
    pub(super) id: Id,
    /// The start of the price, where the source tells it.
    from: String,
    at: Timestamp,
    tier: Tier,
    /// What the source calls the price.
    pub(super) field: String,
    what: What,
    /// Per token, or per unit.
    pub(super) price: Usd,
    /// Whether the source has the same price of plain input.
    same_as_text: bool,
    /// Whether the source has one price for all context sizes.
    is_flat: bool,
}

/// What is billed.
#[derive(Clone, Debug)]
enum What {
    /// Tokens of a kind, in calls with more input than this.
    Tokens(Kind, u64),
    Unit(UnitCount),
    /// An hour of a model unit under a commitment.
    Capacity(Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Input,
    Output,
    CacheRead,
    /// For the lifetime that a write has when nothing is said.
    CacheWrite,
    CacheWriteHour,
    InputAudio,
    OutputAudio,
}

/// All prices that both sources state, but for keys and fields that are skipped with a reason.
pub(super) fn stated(
    sources: &RawSources<'_>,
    rules: &Resolutions,
    prices: &Prices,
) -> Result<Vec<Stated>, BuildError> {
    let mut all = litellm::stated(sources.litellm, rules)?;
    all.extend(genai::stated(sources.genai, rules, prices)?);
    Ok(all)
}

/// The deliberate differences as a table: no more lines, and no less, than there are prices that differ.
pub(super) fn differences(
    stated: &[Stated],
    mut lines: Vec<String>,
    rules: &Resolutions,
    prices: &Prices,
) -> Result<String, BuildError> {
    let mut problems = Vec::new();
    for price in stated {
        let ours = price.charged(prices);
        if ours == Some(price.price) {
            continue;
        }
        let ours = ours.map_or_else(String::new, |ours| price.text(ours));
        let Stated { key, id, from, field, .. } = price;
        let theirs = price.text(price.price);
        let source = &price.source.name(rules).name;
        match price.rule(rules, prices) {
            Some((name, reason)) => {
                let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                lines.push(format!("{source}\t{key}\t{id}\t{from}\t{field}\t{theirs}\t{ours}\t{name}\t{reason}\n"));
            }
            None => {
                problems.push(format!("{source}: {key}: {id}: {field} is {theirs}, charged is `{ours}`, by no rule"))
            }
        }
    }
    if !problems.is_empty() {
        return Err(BuildError { problems });
    }
    lines.sort();
    lines.dedup();
    Ok(format!("source\tkey\tid\tfrom\tfield\ttheirs\tours\trule\treason\n{}", lines.concat()))
}

impl Stated {
    fn looked_up<'p>(&self, prices: &'p Prices) -> Option<&'p Price> {
        let wire = self.id.wire();
        let mut query = PriceQuery::new(ModelRef::parse(&wire).ok()?, self.at);
        // A source without regions states us-east-1, and of a profile its geography.
        let stated = matches!(self.id.routing, Routing::InRegion | Routing::Global).then_some("us-east-1");
        query.region = self.id.region.as_deref().or(stated);
        query.tier = self.tier;
        match wire.as_str() {
            "guardrails" => prices.guardrails(None, self.at),
            _ => prices.lookup(&query),
        }
    }

    /// What the catalogue charges for it, through the lookup that every call takes.
    pub(super) fn charged(&self, prices: &Prices) -> Option<Usd> {
        let price = self.looked_up(prices)?;
        let charge = match &self.what {
            What::Capacity(word) => return price.capacity_cost(Unit::ModelUnitHour, word.as_deref(), 1_000),
            What::Unit(count) => price.charge_units(&count.clone().into()),
            What::Tokens(kind, over) => price.charge_with_units(&kind.usage(*over), &Units::new()),
        };
        let (amount, count) = match self.what {
            What::Tokens(Kind::Output | Kind::OutputAudio, _) => (charge.output(), 1),
            What::Tokens(_, over) => (charge.total(), i128::from(over + 1)),
            What::Unit(_) | What::Capacity(_) => (charge.total(), 1),
        };
        charge.is_priced().then(|| Usd::from_picos(amount.picos() / count))
    }

    /// The rule by which what is charged is something else, and its reason.
    fn rule<'a>(&self, rules: &'a Resolutions, prices: &Prices) -> Option<(&'a str, &'a str)> {
        let excuse = self.excuse(rules, prices).map(|rule| (&*rule.name, &*rule.reason));
        let by_aws = || {
            // The list states input and output; of us-east-1 the rest is as others state it.
            let is_plain = matches!(self.what, What::Tokens(Kind::Input | Kind::Output, 0));
            let is_of_another_region = self.id.region.is_some() || matches!(self.id.routing, Routing::Geo(_));
            let price = self.looked_up(prices).filter(|_| is_plain || is_of_another_region)?;
            let rule = &rules.aws_is_closer;
            price.source().starts_with(&*rules.sources.price_list.name).then_some((&*rule.name, &*rule.reason))
        };
        let by_change = || rules.change_rule(&self.id.model, self.looked_up(prices)?.note());
        excuse.or_else(|| rules.reason(&self.id, self.source)).or_else(by_aws).or_else(by_change)
    }

    /// Why it is right that nothing is charged for it.
    pub(super) fn excuse<'a>(&self, rules: &'a Resolutions, prices: &Prices) -> Option<&'a Named> {
        if self.charged(prices).is_some() {
            return None;
        }
        match self.what {
            // It is charged as text.
            What::Tokens(Kind::InputAudio, over) if self.same_as_text => {
                let as_text = Self { what: What::Tokens(Kind::Input, over), ..self.clone() };
                as_text.charged(prices).map(|_| &rules.audio_as_text)
            }
            What::Tokens(_, 1..) if self.is_flat => Some(&rules.long_context_unknown),
            _ => None,
        }
    }

    /// Whether a rule states its unit by size and quality, of which it has none.
    pub(super) fn is_stated_by_unit(&self, rules: &Resolutions, prices: &Prices) -> bool {
        let is_known = |id: &str| prices.rows().any(|price| price.model() == id);
        matches!(self.what, What::Unit(_)) && rules.units_of(&self.id).is_some() && is_known(&self.id.model)
    }

    /// Dollars per million tokens, or per unit.
    fn text(&self, price: Usd) -> String {
        match self.what {
            What::Tokens(..) => price.saturating_mul(1_000_000).to_decimal(),
            What::Unit(_) | What::Capacity(_) => price.to_decimal(),
        }
    }
}

impl Kind {
    /// A call with just more input than this, all of this kind; or with one token of output.
    fn usage(self, over: u64) -> Usage {
        let usage = Usage::new();
        match self {
            Self::Input => usage.with_uncached_input(over + 1),
            Self::CacheRead => usage.with_cache_read(over + 1),
            Self::CacheWrite => usage.with_cache_write(CacheTtl::FiveMinutes, over + 1),
            Self::CacheWriteHour => usage.with_cache_write(CacheTtl::OneHour, over + 1),
            Self::InputAudio => usage.with_input_audio(over + 1),
            // The input is there for the context size alone.
            Self::Output if over > 0 => usage.with_uncached_input(over + 1).with_output(1),
            Self::OutputAudio if over > 0 => usage.with_uncached_input(over + 1).with_output_audio(1),
            Self::Output => usage.with_output(1),
            Self::OutputAudio => usage.with_output_audio(1),
        }
    }
}
