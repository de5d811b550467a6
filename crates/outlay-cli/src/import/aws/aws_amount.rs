//! The amount of a price in the list, which may be for one, a thousand or a million.

use super::offer_file::Dimension;
use super::product::{BilledUnit, PricedItem};
use outlay_price::parts::Rate;
use outlay_price::parts::{Decimal, DecimalError};
use outlay_price::{Unit, UnitPrice};

/// The price of one token or unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Rate(Rate),
    Unit(UnitPrice),
}

/// Reads the dollars of a price, or returns why they cannot be read.
pub(super) fn read(item: &PricedItem, price: &Dimension) -> Result<Amount, String> {
    let mut dollars = price.price_per_unit.0.iter().filter(|(currency, _)| currency == "USD");
    let (_, dollars) = dollars.next().ok_or("it has no price in US dollars")?;
    let decimals = decimals(item, price)?;
    let wrong = |error: DecimalError| format!("{dollars} for `{}`: {}", price.unit, reason(error));
    match &item.billed {
        BilledUnit::Tokens(_) => {
            let picos = Decimal::parse(dollars).and_then(|amount| amount.scaled(12 - decimals)).map_err(wrong)?;
            Ok(Amount::Rate(Rate::from_picos(picos).map_err(wrong)?))
        }
        BilledUnit::Units(unit, conditions) => {
            let amount = UnitPrice::amount_for(dollars, decimals).map_err(wrong)?;
            Ok(Amount::Unit(UnitPrice::new(*unit, conditions.clone(), amount)))
        }
    }
}

fn reason(error: DecimalError) -> &'static str {
    match error {
        DecimalError::Empty | DecimalError::BadByte(_) => "not an amount of money",
        DecimalError::TooFine => "finer than a price table can hold",
        DecimalError::TooLarge => "too large for a price",
    }
}

/// Returns the number of zeros of the count that the price is for.
fn decimals(item: &PricedItem, price: &Dimension) -> Result<u32, String> {
    let unit = price.unit.trim().to_lowercase();
    let (zeros, noun) = split(&unit);
    let unknown = || format!("the unit `{}` is not understood", price.unit);
    if matches!(noun, "units" | "unit" | "quantity" | "") {
        return match (described_zeros(&price.description), &item.billed) {
            (None, BilledUnit::Tokens(_)) if item.counts_millions => Ok(6),
            (Some(zeros), BilledUnit::Tokens(_)) if !item.counts_millions || zeros == 6 => Ok(zeros),
            (None, BilledUnit::Units(..)) if zeros == 0 => Ok(0),
            _ => Err(format!("the count of the unit `{}` is unknown", price.unit)),
        };
    }
    match &item.billed {
        BilledUnit::Tokens(_) => matches!(noun, "tokens" | "token").then_some(zeros).ok_or_else(unknown),
        BilledUnit::Units(unit, _) => unit_nouns(*unit).contains(&noun).then_some(zeros).ok_or_else(unknown),
    }
}

/// Splits `1K tokens` into three zeros and `tokens`.
fn split(unit: &str) -> (u32, &str) {
    const COUNTS: [(&str, u32); 10] = [
        ("1,000,000 ", 6),
        ("1000000 ", 6),
        ("1 million ", 6),
        ("million ", 6),
        ("1m ", 6),
        ("1,000 ", 3),
        ("1000 ", 3),
        ("thousand ", 3),
        ("1k ", 3),
        ("1 ", 0),
    ];
    let found = COUNTS.iter().find_map(|(count, zeros)| unit.strip_prefix(count).map(|noun| (*zeros, noun)));
    found.unwrap_or((0, unit))
}

/// Returns the number of zeros of the count in a description, if there is one.
fn described_zeros(description: &str) -> Option<u32> {
    let text = description.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let million = any(&["million", "1m ", "1,000,000", "1000000"]);
    let thousand = any(&["thousand", "1k ", "1,000 ", "1000 "]);
    match (million, thousand) {
        (true, false) => Some(6),
        (false, true) => Some(3),
        _ => None,
    }
}

fn unit_nouns(unit: Unit) -> &'static [&'static str] {
    match unit {
        Unit::InputImage | Unit::OutputImage => &["image", "images"],
        Unit::Query => &["query", "queries", "search unit", "search units", "request", "requests"],
        Unit::GuardrailUnit => &["text unit", "text units", "image", "images"],
        Unit::ModelUnitHour => &["hour", "hours", "hrs", "model unit", "model units"],
        _ => &[],
    }
}
