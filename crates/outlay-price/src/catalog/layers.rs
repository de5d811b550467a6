//! What a catalogue is made of, and in which order that is asked.

use std::sync::Arc;

use crate::discount::Discounts;
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
        let versions: Vec<&str> = list.iter().rev().map(|layer| &*layer.table.version).collect();
        let version = if versions.is_empty() { "empty".into() } else { versions.join("+").into() };
        Self { version, list, tables }
    }
}

impl From<Table> for Layer {
    fn from(table: Table) -> Self {
        Self { table: Arc::new(table), discounts: None }
    }
}
