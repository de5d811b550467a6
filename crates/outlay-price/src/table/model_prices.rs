use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;

use super::{Table, VariantPrices, days};
use crate::row::tsv;

/// The prices of one model.
#[derive(Debug)]
pub(super) enum ModelPrices {
    Parsed(Box<[VariantPrices]>),
    /// Lines of the bundled table, parsed on first use because most processes call few models.
    Lines(&'static str, OnceLock<Box<[VariantPrices]>>),
}

impl ModelPrices {
    pub(super) fn variants(&self, version: &Arc<str>) -> &[VariantPrices] {
        match self {
            Self::Parsed(variants) => variants,
            Self::Lines(lines, variants) => variants.get_or_init(|| parse(lines, version)),
        }
    }

    /// Adds the fallbacks for regions without a price.
    pub(super) fn add_fallbacks(&mut self) {
        if let Self::Parsed(variants) = self {
            variants.iter_mut().for_each(VariantPrices::add_fallbacks);
        }
    }
}

/// Parses the lines of a model. A test ensures that every line of the committed table is valid.
fn parse(lines: &str, version: &Arc<str>) -> Box<[VariantPrices]> {
    let rows = lines.lines().map(tsv::row).collect::<Result<_, _>>().unwrap_or_default();
    let table = Table::listed(version, rows).unwrap_or_default();
    let mut models = table.models.into_values();
    match models.next() {
        Some(ModelPrices::Parsed(variants)) => variants,
        _ => Box::default(),
    }
}

impl Table {
    /// Creates the bundled table from its text, where the lines of a model are adjacent.
    pub(crate) fn bundled(text: &'static str) -> Self {
        let version = text.lines().next().and_then(|line| line.strip_prefix("# version ")).unwrap_or_default();
        let id_length = |line: &str| line.split('\t').next().unwrap_or_default().len();
        let mut models: HashMap<Box<str>, ModelPrices> = HashMap::new();
        let mut rest = text.splitn(3, '\n').nth(2).unwrap_or_default();
        while !rest.is_empty() {
            let id = &rest[..id_length(rest)];
            let is_other =
                |line: &str| line.get(..id.len()) != Some(id) || line.as_bytes().get(id.len()) != Some(&b'\t');
            let mut end = 0;
            for line in rest.split_inclusive('\n').take_while(|line| !is_other(line)) {
                end += line.len();
            }
            if end == 0 {
                break;
            }
            models.insert(id.into(), ModelPrices::Lines(&rest[..end], OnceLock::new()));
            rest = &rest[end..];
        }
        // The rows are older than the version.
        Self { version: version.into(), models, days: days([version].into_iter()), ..Self::default() }
    }
}
