use super::{Price, Step};
use crate::rate::Rate;
use crate::{Charge, CostStatus, Units, Usd};

/// What a request may do with the cache: decides what its input can cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheUse {
    /// It writes nothing to the cache; it may read.
    NoWrites,
    /// It may write any of its input to the cache, for any lifetime.
    MayWrite,
}

impl Price {
    /// The most that a call with at most so many input tokens (cache included) and output tokens
    /// can cost: each token at the dearest rate that could apply, in the dearest context tier that
    /// the input can reach. Kinds without a known rate are not in it.
    #[must_use]
    pub fn bound(&self, input_tokens: u64, output_tokens: u64, cache: CacheUse) -> Usd {
        self.bound_charge(input_tokens, output_tokens, cache).total()
    }

    /// The same as a charge that is [`CostStatus::Bounded`], split into input and output.
    ///
    /// Unpriced where it would leave out tokens whose rate is not known.
    #[must_use]
    pub fn bound_charge(&self, input_tokens: u64, output_tokens: u64, cache: CacheUse) -> Charge {
        let tokens = self.bound_tokens(input_tokens, output_tokens, cache);
        if self.0.bills_units { tokens.with_status(CostStatus::Unpriced) } else { tokens }
    }

    /// The most that a call with at most so many tokens, and with at most these units and nothing else, can cost.
    #[must_use]
    pub fn bound_charge_with_units(
        &self,
        input_tokens: u64,
        output_tokens: u64,
        cache: CacheUse,
        units: &Units,
    ) -> Charge {
        self.bound_tokens(input_tokens, output_tokens, cache).and(self.charge_units(units))
    }

    fn bound_tokens(&self, input_tokens: u64, output_tokens: u64, cache: CacheUse) -> Charge {
        let steps = &self.0.steps;
        let mut dearest = Charge::free();
        let mut unknown = false;
        for (index, step) in steps.iter().enumerate() {
            if index > 0 && step.over >= input_tokens {
                break;
            }
            // More input than this would be in the next tier.
            let most = steps.get(index + 1).map_or(input_tokens, |next| next.over.min(input_tokens));
            let input = dearest_input(step, cache);
            let output = step.rates.output.max(step.rates.output_audio);
            unknown |= (input.is_none() && most > 0) || (output.is_none() && output_tokens > 0);
            let mut charge = Charge::free();
            charge.input = input.map_or(Usd::ZERO, |rate| rate.times(most));
            charge.output = output.map_or(Usd::ZERO, |rate| rate.times(output_tokens));
            if charge.total() > dearest.total() {
                dearest = charge;
            }
        }
        dearest.with_status(if unknown { CostStatus::Unpriced } else { CostStatus::Bounded })
    }
}

fn dearest_input(step: &Step, cache: CacheUse) -> Option<Rate> {
    let rates = &step.rates;
    let reads = rates.input.max(rates.cache_read).max(rates.input_audio);
    match cache {
        CacheUse::NoWrites => reads,
        CacheUse::MayWrite => reads.max(rates.cache_write_5m).max(rates.cache_write_30m).max(rates.cache_write_1h),
    }
}
