use std::fmt;
use std::sync::Arc;

use crate::decimal::Decimal;
use crate::effective_from::Start;
use crate::model::shorter_ids;
use crate::rate::{Rate, Rates};
use crate::{Routing, Tier, Timestamp, UnitPrice};

#[cfg(test)]
mod discount_tests;

/// The discounts of one price file.
#[derive(Debug)]
pub(crate) struct Discounts {
    /// The source of the discounted prices.
    pub(crate) source: Arc<str>,
    /// The version of the file.
    pub(crate) version: Arc<str>,
    /// In the order of the file.
    pub(crate) list: Vec<Discount>,
}

/// A percentage off the selected prices. A selector that is `None` selects all.
#[derive(Clone, Debug)]
pub(crate) struct Discount {
    pub(crate) percent: Percent,
    /// The vendor's label in the id.
    pub(crate) provider: Option<Box<str>>,
    /// The model id without geo prefix, or the full text of an opaque id.
    pub(crate) model: Option<Box<str>>,
    pub(crate) account: Option<Box<str>>,
    pub(crate) region: Option<Box<str>>,
    pub(crate) routing: Option<Routing>,
    pub(crate) tier: Option<Tier>,
    pub(crate) from: Option<Start>,
    /// The first day without the discount.
    pub(crate) to: Option<Start>,
    pub(crate) note: Box<str>,
}

/// A percentage above 0 and up to 100, in millionths of a percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Percent {
    parts: i128,
    text: Box<str>,
}

impl Discount {
    /// Returns whether the discount selects a model with this routing and tier.
    pub(crate) fn applies_to(&self, model: &str, routing: Routing, tier: Tier) -> bool {
        let provider = model.split_once('.').map(|(provider, _)| provider);
        self.provider.as_deref().is_none_or(|own| provider == Some(own))
            && self.model.as_deref().is_none_or(|own| own == model || shorter_ids(own).any(|id| id == model))
            && self.routing.is_none_or(|own| own == routing)
            && self.tier.is_none_or(|own| own == tier)
    }

    /// Returns whether the discount is in force for an account and region at a time.
    pub(crate) fn is_in_force(&self, account: Option<&str>, region: Option<&str>, at: Timestamp) -> bool {
        self.account.as_deref().is_none_or(|own| account == Some(own))
            && self.region.as_deref().is_none_or(|own| region == Some(own))
            && self.from.as_ref().is_none_or(|start| start.at <= at)
            && self.to.as_ref().is_none_or(|end| at < end.at)
    }

    /// Returns the number of selectors. A model implies its provider, so it counts as two.
    pub(crate) fn specificity(&self) -> usize {
        let selects = [
            self.provider.is_some(),
            self.model.is_some(),
            self.model.is_some(),
            self.account.is_some(),
            self.region.is_some(),
            self.routing.is_some(),
            self.tier.is_some(),
        ];
        selects.into_iter().filter(|&selects| selects).count()
    }

    /// Returns a note such as `discount 12.5%: our contract`, followed by the note of the list price.
    pub(crate) fn note(&self, price_note: &str) -> Box<str> {
        let mut note = format!("discount {}%", self.percent.text);
        for (separator, part) in [(": ", &*self.note), (",", price_note)] {
            if !part.is_empty() {
                note.push_str(separator);
                note.push_str(part);
            }
        }
        note.into()
    }
}

/// Formats the discount as `discount 12.5%: our contract (provider anthropic)`.
impl fmt::Display for Discount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.note(""))?;
        let selectors = [
            ("provider", self.provider.as_deref()),
            ("model", self.model.as_deref()),
            ("account", self.account.as_deref()),
            ("region", self.region.as_deref()),
            ("routing", self.routing.map(Routing::as_str)),
            ("tier", self.tier.map(Tier::as_str)),
        ];
        let selected = selectors.iter().filter_map(|(name, value)| value.map(|value| format!("{name} {value}")));
        match selected.collect::<Vec<_>>().join(", ") {
            selected if selected.is_empty() => Ok(()),
            selected => write!(f, " ({selected})"),
        }
    }
}

impl Percent {
    const ALL: i128 = 100_000_000;

    /// Parses a percentage such as `12.5`. Returns `None` if it is not above 0, exceeds 100, or has more than 6 decimals.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts = Decimal::parse(text).ok()?.scaled(6).ok()?;
        (0 < parts && parts <= Self::ALL).then(|| Self { parts, text: text.into() })
    }

    /// Returns the discounted rates. Halves of a pico-dollar are rounded up.
    pub(crate) fn discount_rates(&self, rates: &Rates) -> Rates {
        // A discounted rate does not exceed the rate, so it is in range.
        Rates::from_all(rates.all().map(|rate| Rate::from_picos(self.discount(rate?.times(1).picos())).ok()))
    }

    /// Returns the discounted price of a unit. Halves of a billionth of a dollar are rounded up.
    pub(crate) fn discount_unit(&self, price: &UnitPrice) -> UnitPrice {
        price.with_billionths(self.discount(price.billionths()))
    }

    fn discount(&self, amount: i128) -> i128 {
        (amount * (Self::ALL - self.parts) + Self::ALL / 2) / Self::ALL
    }
}
