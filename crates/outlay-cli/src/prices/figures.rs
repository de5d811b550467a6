//! The figures of a price as text.

use outlay_price::parts::{Rates, Step};
use outlay_price::{Confidence, Price, Usd};

/// The rates of a context tier by their names in price files: US dollars per million tokens.
pub(super) fn rates(step: &Step) -> impl Iterator<Item = (&'static str, Usd)> {
    let rates = Rates::NAMES.into_iter().zip(step.rates.all());
    rates.filter_map(|(name, rate)| Some((name, rate?.times(1_000_000))))
}

/// The same as cells, empty where none is known; `*` marks what a rule derived.
pub(super) fn cells(step: &Step) -> Vec<String> {
    let cell = |name: &'static str| {
        let rate = rates(step).find(|(own, _)| *own == name).map(|(_, rate)| rate.to_decimal());
        let mark = if step.derived.has(name) { "*" } else { "" };
        rate.map_or_else(String::new, |rate| format!("{rate}{mark}"))
    };
    Rates::NAMES.into_iter().map(cell).collect()
}

/// The figures of a price, each with its name in price files. The name of one that holds above a context size has that size
/// too.
pub(super) type Figures = Vec<(String, Usd)>;

/// All figures of a price.
pub(super) fn figures(price: &Price) -> Figures {
    let of_step = price.steps().iter().flat_map(|step| {
        let over = if step.over == 0 { String::new() } else { format!(" over {}", step.over) };
        rates(step).map(move |(name, rate)| (format!("{name}{over}"), rate))
    });
    let units = price.units().iter().map(|unit| (unit.name(), unit.price()));
    of_step.chain(units).collect()
}

/// What a cost at a price is, and why: `exact, listed`.
pub(super) fn sureness(price: &Price) -> String {
    let confidence: Confidence = price.confidence();
    let word = if confidence.is_exact() { "exact" } else { "estimated" };
    format!("{word}, {}", confidence.as_str())
}
