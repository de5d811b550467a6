use super::{Price, Step, token_charge};
use crate::rate::Rate;
use crate::{Charge, CostStatus, Units, Usage, Usd};

/// How a request may use the cache, which determines the maximum cost of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheUse {
    /// The request does not write to the cache. It may read from it.
    NoWrites,
    /// The request may write any of its input to the cache, for any lifetime.
    MayWrite,
}

impl Price {
    /// Returns the maximum cost of a call, given the maximum number of its input tokens (including cached ones) and
    /// output tokens. Each token costs the highest rate that could apply, in the most expensive context tier that
    /// the input can reach. Kinds of token without a known rate are not included.
    #[must_use]
    pub fn bound(&self, input_tokens: u64, output_tokens: u64, cache: CacheUse) -> Usd {
        self.bound_charge(input_tokens, output_tokens, cache).total()
    }

    /// Like [`bound`](Self::bound), but returns a [`CostStatus::Bounded`] charge, split into input and output.
    ///
    /// The charge is unpriced if it excludes tokens without a known rate.
    #[must_use]
    pub fn bound_charge(&self, input_tokens: u64, output_tokens: u64, cache: CacheUse) -> Charge {
        self.bound_charge_beside(&Usage::new(), input_tokens, output_tokens, cache, None)
    }

    /// Returns the maximum cost of a call with some tokens counted and a bound on the rest.
    ///
    /// Counted tokens are charged by kind. `input_tokens` and `output_tokens` are the maximum numbers of further tokens.
    /// Each of these costs the highest rate that could apply, in the most expensive context tier that the whole input can
    /// reach. `units` is the maximum of all units, or `None` if units were not counted.
    ///
    /// ```
    /// use outlay_price::{CacheUse, ModelRef, PriceQuery, Prices, Usage};
    ///
    /// let model = ModelRef::parse("us.anthropic.claude-sonnet-4-5-20250929-v1:0")?;
    /// let query = PriceQuery::new(model, "2026-11-20T12:00:00Z".parse()?);
    /// let prices = Prices::bundled();
    /// let price = prices.lookup(&query).ok_or("unpriced")?;
    /// let counted = Usage::new().with_cache_read(10_000);
    /// let bound = price.bound_charge_beside(&counted, 0, 1_000, CacheUse::NoWrites, None);
    /// assert_eq!(bound.total().to_string(), "$0.019800");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bound_charge_beside(
        &self,
        counted: &Usage,
        input_tokens: u64,
        output_tokens: u64,
        cache: CacheUse,
        units: Option<&Units>,
    ) -> Charge {
        let tokens = self.bound_tokens(counted, input_tokens, output_tokens, cache);
        match units {
            Some(units) => tokens.and(self.charge_units(units)),
            None if self.terms().bills_units => tokens.with_status(CostStatus::Unpriced),
            None => tokens,
        }
    }

    fn bound_tokens(&self, counted: &Usage, input_tokens: u64, output_tokens: u64, cache: CacheUse) -> Charge {
        let steps = &self.terms().steps;
        let counted_input = counted.input_tokens();
        let all_input = counted_input.saturating_add(input_tokens);
        let mut highest: Option<Charge> = None;
        for (index, step) in steps.iter().enumerate() {
            if index > 0 && step.over >= all_input {
                break;
            }
            let next = steps.get(index + 1);
            // The counted input alone exceeds this tier.
            if next.is_some_and(|next| next.over < counted_input) {
                continue;
            }
            // More input would reach the next tier.
            let most = next.map_or(all_input, |next| next.over.min(all_input)) - counted_input;
            let input = max_input_rate(step, cache);
            let output = step.rates.output.max(step.rates.output_audio);
            let unknown = (input.is_none() && most > 0) || (output.is_none() && output_tokens > 0);
            let mut rest = Charge::free().with_status(CostStatus::Bounded);
            rest.directions.input = input.map_or(Usd::ZERO, |rate| rate.times(most));
            rest.directions.output = output.map_or(Usd::ZERO, |rate| rate.times(output_tokens));
            let charge = token_charge::token_charge(&step.rates, counted).and(rest);
            let charge = if unknown { charge.with_status(CostStatus::Unpriced) } else { charge };
            highest = Some(match highest {
                Some(highest) => greater(highest, charge),
                None => charge,
            });
        }
        highest.unwrap_or_else(Charge::unpriced)
    }
}

/// Returns the greater of two bounds, with the weaker status, because either of them may apply.
fn greater(one: Charge, other: Charge) -> Charge {
    let status = one.status().weakest(other.status());
    if other.total() > one.total() { other.with_status(status) } else { one.with_status(status) }
}

fn max_input_rate(step: &Step, cache: CacheUse) -> Option<Rate> {
    let rates = &step.rates;
    let reads = rates.input.max(rates.cache_read).max(rates.input_audio);
    match cache {
        CacheUse::NoWrites => reads,
        CacheUse::MayWrite => reads.max(rates.cache_write_5m).max(rates.cache_write_30m).max(rates.cache_write_1h),
    }
}
