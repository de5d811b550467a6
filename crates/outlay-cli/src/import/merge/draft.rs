//! The draft of the rows of one id at one time.

use std::collections::BTreeSet;

use crate::import::offer::{Offer, StepRates};
use crate::import::resolutions::{Provisioned, Resolutions, SourceName};
use crate::import::source_id::Id;
use outlay_price::parts::ANY_PROVISIONED;
use outlay_price::parts::Start;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{Rate, RateSet, Rates};
use outlay_price::{Confidence, Latency, Routing, Tier};

/// The prices of one id at one time, with their source and confidence.
pub(super) struct Draft {
    pub(super) id: Id,
    pub(super) start: Option<Start>,
    pub(super) offer: Offer,
    pub(super) source: String,
    pub(super) as_of: String,
    pub(super) confidence: Confidence,
    pub(super) notes: BTreeSet<String>,
}

impl Draft {
    /// Returns the draft of one source's offer.
    pub(super) fn single(id: &Id, start: Option<Start>, offer: &Offer, source: &SourceName) -> Self {
        Self {
            id: id.clone(),
            start,
            offer: offer.clone(),
            source: source.name.clone(),
            as_of: source.as_of.clone(),
            confidence: Confidence::Single,
            notes: BTreeSet::new(),
        }
    }

    /// Returns the draft for provisioned throughput of any model.
    pub(super) fn provisioned(rule: &Provisioned) -> Self {
        let id = Id { model: ANY_PROVISIONED.to_owned(), region: None, routing: Routing::InRegion };
        let mut offer = Offer::default();
        offer.tiers.entry(Tier::Provisioned).or_default();
        // A reservation of tokens per minute is also paid by the hour.
        offer.tiers.entry(Tier::Reserved).or_default();
        Self { confidence: Confidence::Derived, ..Self::single(&id, None, &offer, &rule.source) }
    }

    /// Returns the rows of the table, one for each tier and context size.
    pub(super) fn into_rows(mut self, rules: &Resolutions) -> Vec<Row> {
        if rules.has_free_cache_writes(&self.id.model) {
            self.free_writes(&rules.free_cache_writes.name);
        }
        for &tier in self.offer.units.keys() {
            self.offer.tiers.entry(tier).or_default().entry(0).or_default();
        }
        let mut rows = Vec::new();
        for (tier, mut steps) in std::mem::take(&mut self.offer.tiers) {
            let mut notes = self.notes.clone();
            if tier == Tier::Provisioned || self.id.model == ANY_PROVISIONED {
                notes.insert(rules.provisioned.name.clone());
                steps.insert(0, Rates::FREE);
            }
            rows.extend(self.rows_of(tier, &steps, &notes));
        }
        rows
    }

    fn rows_of(&self, tier: Tier, steps: &StepRates, notes: &BTreeSet<String>) -> Vec<Row> {
        let note = notes.iter().cloned().collect::<Vec<_>>().join(",");
        let units = |over| match over {
            0 => self.offer.units.get(&tier).cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        let row = |(&context_over, &rates): (&u64, &Rates)| Row {
            model: self.id.model.clone(),
            place: Place::of_region(self.id.region.as_deref()),
            account: None,
            routings: vec![self.id.routing],
            tier,
            latency: Latency::Standard,
            context_over,
            start: self.start.clone(),
            rates,
            derived: RateSet::default(),
            units: units(context_over),
            source: self.source.clone(),
            as_of: self.as_of.clone(),
            confidence: self.confidence,
            note: note.clone(),
        };
        steps.iter().map(row).collect()
    }

    /// Sets free cache writes where cache reads have a price.
    fn free_writes(&mut self, name: &str) {
        let cached = |rates: &&mut Rates| rates.cache_read.is_some() && rates.cache_write_5m.is_none();
        let steps = self.offer.tiers.values_mut();
        for rates in steps.flat_map(|steps| steps.values_mut()).filter(cached) {
            rates.cache_write_5m = Rate::per_million("0").ok();
            self.notes.insert(name.to_owned());
        }
    }
}
