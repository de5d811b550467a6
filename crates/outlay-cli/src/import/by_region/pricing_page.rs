//! AWS's pricing page. It does not state its regions and rounds some prices to cents, so it only confirms or
//! contradicts prices of other sources.

use std::collections::{BTreeMap, BTreeSet};

use super::region_labels::Labels;
use crate::import::build_error::BuildError;
use outlay_price::parts::Decimal;
use outlay_price::parts::Rate;

/// The prices of a model by the kind of token, or `unit` for everything that is not billed by the token.
#[derive(Debug, Default)]
pub(super) struct PricingPage(BTreeMap<(String, &'static str), BTreeSet<Cell>>);

/// A price in pico-dollars, and whether it has at most two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    picos: i128,
    is_rounded: bool,
}

const CENT: i128 = 10_000;

impl PricingPage {
    pub(super) fn parse(text: &str, labels: &Labels<'_>) -> Result<Self, BuildError> {
        let mut page = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let bad = || BuildError::one(format!("pricing page: `{line}` is not understood"));
            let &[_, tab, section, label, column, price, ..] = &*fields else { return Err(bad()) };
            let is_custom = ["ustomiz", "Custom Model", "fine-tuning"]
                .iter()
                .any(|word| tab.contains(word) || section.contains(word));
            let amount = price.trim_matches(|c: char| c == '$' || c.is_whitespace()).replace(',', "");
            let ids = labels.of_page(label).or_else(|error| if is_custom { Ok(&[][..]) } else { Err(error) })?;
            let Some(kind) = kind(column).filter(|_| !is_custom) else { continue };
            let kind = match kind {
                "input" if label.ends_with("/ Speech") => "input_audio",
                "output" if label.ends_with("/ Speech") => "output_audio",
                kind => kind,
            };
            let Ok(decimal) = Decimal::parse(&amount) else { continue };
            // The price is per million tokens, or per unit.
            let picos = decimal.scaled(if kind == "unit" { 12 } else { 6 }).map_err(|_| bad())?;
            let is_rounded = amount.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 2);
            for id in ids {
                page.0.entry(((*id).to_owned(), kind)).or_default().insert(Cell { picos, is_rounded });
            }
        }
        Ok(page)
    }

    /// Returns whether the page has this price for a kind of token, at least rounded.
    pub(super) fn has(&self, model: &str, kind: &str, rate: Rate) -> bool {
        let kinds: &[&'static str] = match kind {
            "input" => &["input"],
            "output" => &["output"],
            "cache_read" => &["cache_read"],
            "cache_write_5m" => &["cache_write_5m", "cache_write"],
            "cache_write_30m" => &["cache_write_30m", "cache_write"],
            "cache_write_1h" => &["cache_write_1h"],
            "input_audio" => &["input_audio"],
            "output_audio" => &["output_audio"],
            _ => &[],
        };
        let picos = i128::from(rate.picos());
        let is_it =
            |cell: &Cell| cell.picos == picos || (cell.is_rounded && (picos + CENT / 2) / CENT * CENT == cell.picos);
        kinds.iter().filter_map(|kind| self.0.get(&(model.to_owned(), *kind))).flatten().any(is_it)
    }

    /// Returns whether the page has prices for a kind of token, but not this one.
    pub(super) fn contradicts(&self, model: &str, kind: &'static str, rate: Rate) -> bool {
        self.0.contains_key(&(model.to_owned(), kind)) && !self.has(model, kind, rate)
    }

    /// Returns whether the page has this unit price, in pico-dollars.
    pub(super) fn has_unit(&self, model: &str, picos: i128) -> bool {
        let cells = self.0.get(&(model.to_owned(), "unit"));
        // The page prices queries by the thousand.
        cells.is_some_and(|cells| cells.iter().any(|cell| cell.picos == picos || cell.picos == picos * 1_000))
    }
}

fn kind(column: &str) -> Option<&'static str> {
    let column = column.to_lowercase();
    let has = |word: &str| column.contains(word);
    if has("tpm") || has("per hour") || has("train") || has("store") || has("commitment") {
        return None;
    }
    if has("cached input") {
        return Some("cache_read");
    }
    if has("per 1m input tokens") || has("per 1m token text input") {
        return match () {
            () if has("(1h") => Some("cache_write_1h"),
            () if has("(30m") => Some("cache_write_30m"),
            () if has("(5m") => Some("cache_write_5m"),
            () if has("cache write") => Some("cache_write"),
            () if has("cache read") => Some("cache_read"),
            () if has("audio") => Some("input_audio"),
            () if has("(image)") || has("(video)") => None,
            () => Some("input"),
        };
    }
    if has("per 1m output tokens") {
        return (!has("image")).then_some("output");
    }
    let is_unit = has("image") || has("second") || has("generation") || has("queries");
    is_unit.then_some("unit")
}
