//! What a catalogue is made of, and in which order that is asked.

use std::sync::{Arc, OnceLock};

use super::Prices;
use super::named_model::ModelsByBareName;
use crate::Price;
use crate::discount::Discounts;
use crate::region::{UNNAMED, is_callable};
use crate::table::Table;

/// Prices from one place, and what it takes off those below.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) table: Arc<Table>,
    pub(crate) discounts: Option<Arc<Discounts>>,
}

pub(super) struct Layers {
    pub(super) version: Box<str>,
    /// The top first.
    pub(super) list: Vec<Layer>,
    /// In the order in which they are asked: those of the layers, and before each what discounts make of it.
    pub(super) tables: Vec<Arc<Table>>,
    /// Made when an answer first names a model that was not called.
    pub(super) models_by_bare_name: OnceLock<ModelsByBareName>,
}

impl Layers {
    pub(super) fn new(list: Vec<Layer>) -> Self {
        let mut tables: Vec<Arc<Table>> = Vec::new();
        for Layer { table, discounts } in list.iter().rev() {
            if let Some(discounts) = discounts {
                let below = tables.into_iter();
                let with_discounted = |table: Arc<Table>| [table.discounted(discounts).map(Arc::new), Some(table)];
                tables = below.flat_map(with_discounted).flatten().collect();
            }
            tables.insert(0, Arc::clone(table));
        }
        // Names alone have no version: they are no prices.
        let versions = list.iter().rev().map(|layer| &*layer.table.version);
        let mut versions: Vec<&str> = versions.filter(|version| !version.is_empty()).collect();
        // A file's own rows and those that it took over have one version.
        versions.dedup();
        let version = if versions.is_empty() { "empty".into() } else { versions.join("+").into() };
        Self { version, list, tables, models_by_bare_name: OnceLock::new() }
    }
}

impl Prices {
    /// The discounts that are for no price below them, by their percentage, note and selectors: a misspelt id or region, as a
    /// rule.
    pub fn idle_discounts(&self) -> Vec<String> {
        let mut idle = Vec::new();
        let mut layers = self.0.list.as_slice();
        while let [Layer { discounts, .. }, below @ ..] = layers {
            let prices = || below.iter().flat_map(|layer| layer.table.prices());
            for discount in discounts.iter().flat_map(|discounts| &discounts.list) {
                let is_called = |routing| discount.region.as_deref().is_none_or(|region| is_callable(routing, region));
                let is_for = |price: &Price| {
                    discount.applies_to(price.model(), price.routing(), price.tier()) && is_called(price.routing())
                };
                let is_known =
                    |region: &str| UNNAMED.contains(&region) || prices().any(|price| price.region() == Some(region));
                if !prices().any(is_for) || !discount.region.as_deref().is_none_or(is_known) {
                    idle.push(discount.to_string());
                }
            }
            layers = below;
        }
        idle
    }
}

impl From<Table> for Layer {
    fn from(table: Table) -> Self {
        Self { table: Arc::new(table), discounts: None }
    }
}
