use std::collections::BTreeMap;

use crate::price::Step;
use crate::rate::Rates;
use crate::{Latency, Price, Prices, Routing, Tier, Timestamp, Usd};

mod diff_text;

#[cfg(test)]
mod diff_tests;

/// The differences between two catalogues, row by row.
///
/// `Display` writes a table with a line for each changed figure, and the counts at the end.
///
/// ```
/// use outlay_price::{ChangeKind, Prices};
///
/// let old = Prices::from_toml("[[price]]\nmodel = \"a.b\"\ninput = \"3\"")?;
/// let new = Prices::from_toml("[[price]]\nmodel = \"a.b\"\ninput = \"2.4\"")?;
/// let diff = old.diff(&new);
/// let change = diff.changes().next().ok_or("no change")?;
/// assert_eq!((change.kind(), change.key().model()), (ChangeKind::Changed, "a.b"));
/// assert_eq!(change.fields()[0].to_string(), "input 3 -> 2.4 (-20.00%)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceDiff {
    old: Box<str>,
    new: Box<str>,
    changes: Vec<PriceChange>,
}

/// A row that differs between two catalogues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    key: PriceKey,
    kind: ChangeKind,
    fields: Vec<FieldChange>,
}

/// The kind of change to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there are no other kinds of change")]
pub enum ChangeKind {
    /// Only the newer catalogue has the row.
    Added,
    /// Only the older catalogue has the row.
    Removed,
    /// Both catalogues have the row, with different figures.
    Changed,
}

/// The key of a row. Rows of two catalogues are compared if they have the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceKey {
    model: Box<str>,
    routing: Routing,
    region: Option<Box<str>>,
    account: Option<Box<str>>,
    tier: Tier,
    latency: Latency,
    start: Option<Timestamp>,
    context_over: u64,
}

/// One figure of a row, in both catalogues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    field: String,
    old: Option<Usd>,
    new: Option<Usd>,
}

/// The figures of a row, by their names in price files.
type Figures = BTreeMap<String, Usd>;

impl Prices {
    /// Returns the differences in a newer catalogue, in the order of the keys.
    ///
    /// The key of a row is its model, region, account, routing, tier, latency, start and context size. If several layers
    /// of one catalogue have a row with the same key, the top one counts. Only figures are compared, not their sources.
    #[must_use]
    pub fn diff(&self, newer: &Self) -> PriceDiff {
        let (old, mut new) = (figures(self), figures(newer));
        let mut changes = Vec::new();
        for (key, old) in old {
            let change = match new.remove(&key) {
                None => PriceChange { key, kind: ChangeKind::Removed, fields: fields(old, Figures::new()) },
                Some(new) => PriceChange { key, kind: ChangeKind::Changed, fields: fields(old, new) },
            };
            if change.kind == ChangeKind::Removed || !change.fields.is_empty() {
                changes.push(change);
            }
        }
        changes.extend(new.into_iter().map(|(key, new)| {
            let fields = fields(Figures::new(), new);
            PriceChange { key, kind: ChangeKind::Added, fields }
        }));
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        PriceDiff { old: self.version().into(), new: newer.version().into(), changes }
    }
}

fn figures(prices: &Prices) -> BTreeMap<PriceKey, Figures> {
    let mut rows = BTreeMap::new();
    for price in prices.rows() {
        for step in &price.terms().steps {
            let figures = || {
                let rates = Rates::NAMES.into_iter().zip(step.rates.all());
                let rates = rates.filter_map(|(name, rate)| Some((name.to_owned(), rate?.times(1_000_000))));
                // Units do not depend on the context size, so they are in the first row only.
                let units = price.units().iter().filter(|_| step.over == 0);
                rates.chain(units.map(|unit| (unit.name(), unit.price()))).collect()
            };
            // Layers are in order from the top, so the first row wins.
            rows.entry(PriceKey::new(price, step)).or_insert_with(figures);
        }
    }
    rows
}

/// Returns the changed figures: rates in the order of [`Rates::NAMES`], then units by name.
fn fields(old: Figures, mut new: Figures) -> Vec<FieldChange> {
    let mut fields: Vec<FieldChange> = old
        .into_iter()
        .map(|(field, old)| FieldChange { new: new.remove(&field), old: Some(old), field })
        .filter(|change| change.old != change.new)
        .collect();
    fields.extend(new.into_iter().map(|(field, new)| FieldChange { field, old: None, new: Some(new) }));
    fields.sort_by_cached_key(|change| {
        let index = Rates::NAMES.iter().position(|name| *name == change.field);
        (index.unwrap_or(Rates::NAMES.len()), change.field.clone())
    });
    fields
}

impl PriceDiff {
    /// Returns the rows that differ, in the order of their keys.
    pub fn changes(&self) -> impl Iterator<Item = &PriceChange> {
        self.changes.iter()
    }

    /// Returns whether both catalogues have the same prices.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the version of the older catalogue.
    pub const fn old_version(&self) -> &str {
        &self.old
    }

    /// Returns the version of the newer catalogue.
    pub const fn new_version(&self) -> &str {
        &self.new
    }

    fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }
}

impl PriceChange {
    /// Returns the key of the row.
    pub const fn key(&self) -> &PriceKey {
        &self.key
    }

    /// Returns the kind of change.
    pub const fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Returns the changed figures, or all figures if only one catalogue has the row.
    pub fn fields(&self) -> &[FieldChange] {
        &self.fields
    }
}

impl PriceKey {
    fn new(price: &Price, step: &Step) -> Self {
        Self {
            model: price.model().into(),
            routing: price.routing(),
            region: price.region().map(Box::from),
            account: price.account().map(Box::from),
            tier: price.tier(),
            latency: price.latency(),
            start: price.effective_at(),
            context_over: step.over,
        }
    }

    /// Returns the model's id without geo prefix.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the routing.
    pub const fn routing(&self) -> Routing {
        self.routing
    }

    /// Returns the region, or `None` if the row applies to any region.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the account, or `None` if the row applies to any account.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Returns the service tier.
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Returns the latency mode.
    pub const fn latency(&self) -> Latency {
        self.latency
    }

    /// Returns the time from which the row applies, or `None` if it is unknown.
    pub const fn effective_at(&self) -> Option<Timestamp> {
        self.start
    }

    /// Returns the context size, in input tokens, above which the row applies; 0 for all sizes.
    pub const fn context_over(&self) -> u64 {
        self.context_over
    }
}

impl FieldChange {
    /// Returns the name in price files, such as `input` or `output_image[premium]`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns US dollars per million tokens, or per unit, in the older catalogue.
    pub const fn before(&self) -> Option<Usd> {
        self.old
    }

    /// Returns US dollars per million tokens, or per unit, in the newer catalogue.
    pub const fn after(&self) -> Option<Usd> {
        self.new
    }

    /// Returns the change in hundredths of a percent of the old figure, with halves rounded away from zero. It is `None`
    /// if a figure is missing or the old one is zero.
    pub fn percent_hundredths(&self) -> Option<i64> {
        let (old, new) = (self.old?.picos(), self.new?.picos());
        if old == 0 {
            return None;
        }
        let scaled = new.checked_sub(old)?.checked_mul(20_000)?;
        let halves = scaled / old;
        // Twice the result: adding one before halving rounds halves away from zero.
        i64::try_from((halves + halves.signum()) / 2).ok()
    }
}
