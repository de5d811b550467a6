//! The figures of a price as text.

use outlay_price::parts::{Rates, Step};
use outlay_price::{Confidence, Price, Usd};

/// Returns the rates of a context tier by their names in price files, in US dollars per million tokens.
pub(super) fn rates(step: &Step) -> impl Iterator<Item = (&'static str, Usd)> {
    let rates = Rates::NAMES.into_iter().zip(step.rates.all());
    rates.filter_map(|(name, rate)| Some((name, rate?.times(1_000_000))))
}

/// Returns the rates as cells, which are empty if unknown. `*` marks a rate that a rule derived.
pub(super) fn cells(step: &Step) -> Vec<String> {
    let cell = |name: &'static str| {
        let rate = rates(step).find(|(own, _)| *own == name).map(|(_, rate)| rate.to_decimal());
        let mark = if step.derived.has(name) { "*" } else { "" };
        rate.map_or_else(String::new, |rate| format!("{rate}{mark}"))
    };
    Rates::NAMES.into_iter().map(cell).collect()
}

/// The figures of a price by their names in price files. The name of a figure above a context size includes that size.
pub(super) type Figures = Vec<(String, Usd)>;

/// Returns all figures of a price.
pub(super) fn figures(price: &Price) -> Figures {
    let of_step = price.steps().iter().flat_map(|step| {
        let over = if step.over == 0 { String::new() } else { format!(" over {}", step.over) };
        rates(step).map(move |(name, rate)| (format!("{name}{over}"), rate))
    });
    let units = price.units().iter().map(|unit| (unit.name(), unit.price()));
    of_step.chain(units).collect()
}

/// Returns the status and confidence of a cost at this price, such as `exact, listed`.
pub(super) fn confidence_text(price: &Price) -> String {
    let confidence: Confidence = price.confidence();
    let status = if confidence.is_exact() { "exact" } else { "estimated" };
    format!("{status}, {}", confidence.as_str())
}
