use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::price::Step;
use crate::rate::Rates;
use crate::{Latency, Price, Prices, Routing, Tier, Usd};

mod text;

#[cfg(test)]
mod diff_tests;

/// What is different between two catalogues, row by row.
///
/// `Display` is a table for people: a line for each figure that differs, and the counts at the end.
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

/// A row that is not the same in both catalogues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    key: PriceKey,
    kind: ChangeKind,
    fields: Vec<FieldChange>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing else that can become of a row")]
pub enum ChangeKind {
    /// Only the newer catalogue has it.
    Added,
    /// Only the older catalogue has it.
    Removed,
    /// Both have it, with other figures.
    Changed,
}

/// What a row is of: rows of two catalogues with the same key are compared.
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
    /// What is different in a newer catalogue.
    ///
    /// Rows are compared by all that they are of: model, region, account, routing, tier, latency, start and context size.
    /// Where several layers of one catalogue have the very same row, the top one counts. Figures are compared, and not
    /// where they are from. The order is that of the keys.
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
                // Units are those of the price as a whole, and in its first row.
                let units = price.units().iter().filter(|_| step.over == 0);
                rates.chain(units.map(|unit| (unit.name(), unit.price()))).collect()
            };
            // The layers come from the top.
            rows.entry(PriceKey::new(price, step)).or_insert_with(figures);
        }
    }
    rows
}

/// The figures that differ, in the order of their names.
fn fields(old: Figures, mut new: Figures) -> Vec<FieldChange> {
    let mut fields: Vec<FieldChange> = old
        .into_iter()
        .map(|(field, old)| FieldChange { new: new.remove(&field), old: Some(old), field })
        .filter(|change| change.old != change.new)
        .collect();
    fields.extend(new.into_iter().map(|(field, new)| FieldChange { field, old: None, new: Some(new) }));
    fields.sort_by_cached_key(|change| {
        let place = Rates::NAMES.iter().position(|name| *name == change.field);
        (place.unwrap_or(Rates::NAMES.len()), change.field.clone())
    });
    fields
}

impl PriceDiff {
    /// The rows that differ, in the order of their keys.
    pub fn changes(&self) -> impl Iterator<Item = &PriceChange> {
        self.changes.iter()
    }

    /// Whether both catalogues say the same.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The version of the older catalogue.
    pub const fn old_version(&self) -> &str {
        &self.old
    }

    /// The version of the newer catalogue.
    pub const fn new_version(&self) -> &str {
        &self.new
    }

    fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }
}

impl PriceChange {
    /// What the row is of.
    pub const fn key(&self) -> &PriceKey {
        &self.key
    }

    /// What became of it.
    pub const fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// The figures that differ; all of them where only one catalogue has the row.
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

    /// The model's id without geo prefix.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The routing.
    pub const fn routing(&self) -> Routing {
        self.routing
    }

    /// The region; `None` where it is of any.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The account; `None` where it is of any.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The service tier.
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// The latency mode.
    pub const fn latency(&self) -> Latency {
        self.latency
    }

    /// When it came into force; `None` where no start is known.
    pub const fn effective_at(&self) -> Option<Timestamp> {
        self.start
    }

    /// The context size, in input tokens, above which it holds; 0 for all.
    pub const fn context_over(&self) -> u64 {
        self.context_over
    }
}

impl FieldChange {
    /// The name in price files, such as `input` or `output_image[premium]`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// US dollars per million tokens, or per unit, in the older catalogue.
    pub const fn before(&self) -> Option<Usd> {
        self.old
    }

    /// US dollars per million tokens, or per unit, in the newer catalogue.
    pub const fn after(&self) -> Option<Usd> {
        self.new
    }

    /// The change in hundredths of a percent of the old figure, halves away from zero; `None` where a figure is missing,
    /// and where the old one is zero.
    pub fn percent_hundredths(&self) -> Option<i64> {
        let (old, new) = (self.old?.picos(), self.new?.picos());
        if old == 0 {
            return None;
        }
        let scaled = new.checked_sub(old)?.checked_mul(20_000)?;
        let halves = scaled / old;
        // Twice the wanted number: a half more goes to the next one.
        i64::try_from((halves + halves.signum()) / 2).ok()
    }
}
