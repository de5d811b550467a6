//! The charge of token and unit counts at given prices.

use crate::rate::{Rate, Rates};
use crate::unit::Direction;
use crate::{CacheTtl, Charge, CostStatus, UnitCount, UnitPrice, Usage, Usd};

pub(super) fn token_charge(rates: &Rates, usage: &Usage) -> Charge {
    let mut calculation = Calculation { plain: rates.input, savings: Usd::ZERO, status: CostStatus::Exact };
    let mut charge = Charge::free();
    charge.directions.input = calculation.cost(rates.input, usage.uncached_input_tokens());
    charge.directions.output = calculation.cost(rates.output, usage.text_output_tokens());
    charge.directions.input += calculation.cost(rates.input_audio, usage.input_audio_tokens());
    charge.directions.output += calculation.cost(rates.output_audio, usage.output_audio_tokens());
    charge.directions.cache_read = calculation.cached_cost(rates.cache_read, usage.cache_read_tokens());
    for ttl in [CacheTtl::FiveMinutes, CacheTtl::ThirtyMinutes, CacheTtl::OneHour] {
        charge.directions.cache_write +=
            calculation.cached_cost(rates.cache_write(ttl), usage.cache_write_tokens_for(ttl));
    }
    charge.savings = calculation.savings;
    charge.status = calculation.status;
    charge
}

pub(super) fn unit_charge(price: Option<&UnitPrice>, count: &UnitCount) -> Charge {
    let Some(price) = price else {
        return Charge::unpriced();
    };
    let mut charge = Charge::free();
    let amount = match price.unit().direction() {
        Direction::Input => &mut charge.directions.input,
        Direction::Output => &mut charge.directions.output,
        Direction::Other => &mut charge.directions.other,
    };
    *amount = price.times(count.thousandths());
    charge
}

struct Calculation {
    plain: Option<Rate>,
    savings: Usd,
    status: CostStatus,
}

impl Calculation {
    fn cost(&mut self, rate: Option<Rate>, tokens: u64) -> Usd {
        match rate {
            Some(rate) => rate.times(tokens),
            None => {
                if tokens > 0 {
                    self.status = CostStatus::Unpriced;
                }
                Usd::ZERO
            }
        }
    }

    fn cached_cost(&mut self, rate: Option<Rate>, tokens: u64) -> Usd {
        if tokens == 0 {
            return Usd::ZERO;
        }
        let cost = self.cost(rate, tokens);
        // The savings are only known with both rates.
        if let (Some(plain), Some(_)) = (self.plain, rate) {
            self.savings += plain.times(tokens) - cost;
        }
        cost
    }
}
