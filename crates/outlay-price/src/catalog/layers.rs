//! The layers of a catalogue, and the order in which they are searched.

use std::sync::{Arc, OnceLock};

use super::Prices;
use super::named_model::ModelsByBareName;
use crate::Price;
use crate::discount::Discounts;
use crate::region::{UNNAMED, is_callable};
use crate::table::Table;

/// The prices of one source, and its discounts on the layers below.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) table: Arc<Table>,
    pub(crate) discounts: Option<Arc<Discounts>>,
}

pub(super) struct Layers {
    pub(super) version: Box<str>,
    /// From top to bottom.
    pub(super) list: Vec<Layer>,
    /// The tables in search order: each layer's table, preceded by its discounted prices.
    pub(super) tables: Vec<Arc<Table>>,
    /// Built at the first answer that names a model other than the called one.
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
        // Layers of aliases only have no version.
        let versions = list.iter().rev().map(|layer| &*layer.table.version);
        let mut versions: Vec<&str> = versions.filter(|version| !version.is_empty()).collect();
        // A file's own rows and its imported rows have the same version.
        versions.dedup();
        let version = if versions.is_empty() { "empty".into() } else { versions.join("+").into() };
        Self { version, list, tables, models_by_bare_name: OnceLock::new() }
    }
}

impl Prices {
    /// Returns the discounts that apply to no price below them, as text with percentage, note and selectors. The cause is
    /// usually a misspelt id or region.
    pub fn idle_discounts(&self) -> Vec<String> {
        let mut idle = Vec::new();
        let mut layers = self.0.list.as_slice();
        while let [Layer { discounts, .. }, below @ ..] = layers {
            let prices = || below.iter().flat_map(|layer| layer.table.prices());
            for discount in discounts.iter().flat_map(|discounts| &discounts.list) {
                let is_callable =
                    |routing| discount.region.as_deref().is_none_or(|region| is_callable(routing, region));
                let applies = |price: &Price| {
                    discount.applies_to(price.model(), price.routing(), price.tier()) && is_callable(price.routing())
                };
                let is_known =
                    |region: &str| UNNAMED.contains(&region) || prices().any(|price| price.region() == Some(region));
                if !prices().any(applies) || !discount.region.as_deref().is_none_or(is_known) {
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
