use std::collections::BTreeMap;

use crate::import::resolutions::Resolutions;
use outlay_price::parts::Conditions;
use outlay_price::parts::GUARDRAILS;
use outlay_price::parts::base_id;
use outlay_price::{BilledRouting, CacheTtl, Tier, TokenKind, Unit, UsageKind, UsageType};

/// A product of the list. Any of its attributes may be missing.
#[derive(serde::Deserialize)]
pub(super) struct Product {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// The item that a product's price is for.
pub(super) struct PricedItem {
    pub(super) model: String,
    pub(super) region: String,
    pub(super) routing: BilledRouting,
    pub(super) tier: Tier,
    /// The context size above which the price applies.
    pub(super) over: u64,
    pub(super) billed: BilledUnit,
    /// Whether its name counts by the million.
    pub(super) counts_millions: bool,
}

/// The unit that is billed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BilledUnit {
    /// Tokens, by the name of their rate.
    Tokens(&'static str),
    Units(Unit, Conditions),
}

impl Product {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Returns a readable name: its usage type, or else its SKU.
    pub(super) fn name(&self, sku: &str) -> String {
        match self.attribute("usagetype") {
            Some(usage_type) => format!("{usage_type} ({sku})"),
            None => sku.to_owned(),
        }
    }

    /// Returns the item that the price is for, or why it is unknown.
    pub(super) fn item(&self) -> Result<PricedItem, String> {
        let usage_type = self.attribute("usagetype").ok_or("it has no usage type")?;
        let line = UsageType::parse(usage_type).map_err(|error| error.to_string())?;
        if line.is_custom_model() {
            return Err("a customized model has its own id".to_owned());
        }
        let region = self.attribute("regionCode").unwrap_or(line.region());
        if region != line.region() {
            return Err(format!("its region is {region}, but its usage type has {}", line.region()));
        }
        let model = self.model(&line)?;
        let billed = billed(&line, &model)?;
        let over = match line.is_long_context() {
            true => context_bounds(&model).first().copied().ok_or("no context size is known for its long context")?,
            false => 0,
        };
        Ok(PricedItem {
            region: region.to_owned(),
            routing: line.routing(),
            tier: line.tier(),
            counts_millions: line.counts_millions(),
            model,
            over,
            billed,
        })
    }

    /// Returns the model of the usage type's label. Products of AWS Marketplace have no label and are named after the
    /// model.
    fn model(&self, line: &UsageType<'_>) -> Result<String, String> {
        if matches!(line.kind(), UsageKind::Units { unit: Unit::GuardrailUnit, .. }) {
            return Ok(GUARDRAILS.to_owned());
        }
        let names = match line.label() {
            Some(label) => vec![label],
            None => ["model", "servicename", "serviceName"].iter().filter_map(|name| self.attribute(name)).collect(),
        };
        let known = names.iter().find_map(|name| base_id(name));
        known.map(|id| id.into_owned()).ok_or_else(|| match names.first() {
            Some(name) => format!("`{name}` is not the name of a known model"),
            None => "nothing names its model".to_owned(),
        })
    }
}

fn billed(line: &UsageType<'_>, model: &str) -> Result<BilledUnit, String> {
    match line.kind() {
        UsageKind::Tokens(kind) => Ok(BilledUnit::Tokens(match kind {
            TokenKind::Input => "input",
            TokenKind::Output => "output",
            TokenKind::CacheRead => "cache_read",
            TokenKind::CacheWrite(Some(CacheTtl::OneHour)) => "cache_write_1h",
            TokenKind::CacheWrite(Some(CacheTtl::ThirtyMinutes)) => "cache_write_30m",
            TokenKind::CacheWrite(Some(CacheTtl::FiveMinutes)) => "cache_write_5m",
            TokenKind::CacheWrite(None) if has_thirty_minute_cache_writes(model) => "cache_write_30m",
            TokenKind::CacheWrite(None) => "cache_write_5m",
            TokenKind::InputAudio => "input_audio",
            TokenKind::OutputAudio => "output_audio",
            TokenKind::InputImage => return Err("image tokens have no separate rate in a price table".to_owned()),
            _ => return Err("tokens of a kind that has no rate in a price table".to_owned()),
        })),
        UsageKind::Units { unit, side, word, .. } => {
            let conditions = Conditions { side: *side, steps: None, word: word.as_deref().map(Box::from) };
            Ok(BilledUnit::Units(*unit, conditions))
        }
        UsageKind::TokensPerMinute { .. } => Err("reserved tokens per minute have no unit in a price table".to_owned()),
        _ => Err("a kind of usage that has no unit in a price table".to_owned()),
    }
}

fn has_thirty_minute_cache_writes(model: &str) -> bool {
    let vendor = model.split_once('.').map_or("", |(vendor, _)| vendor);
    Resolutions::bundled().is_some_and(|rules| rules.has_thirty_minute_cache_writes(vendor))
}

/// Returns the context sizes above which the bundled table has other prices of a model.
pub(super) fn context_bounds(model: &str) -> Vec<u64> {
    let prices = outlay_price::Prices::bundled();
    let bounds = prices.rows().filter(|price| price.model() == model).flat_map(|price| price.context_bounds());
    let mut bounds: Vec<u64> = bounds.collect();
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}
