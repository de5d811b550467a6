use std::collections::BTreeMap;

use crate::import::resolutions::Resolutions;
use outlay_price::parts::Conditions;
use outlay_price::parts::GUARDRAILS;
use outlay_price::parts::base_id;
use outlay_price::{BilledRouting, CacheTtl, Tier, TokenKind, Unit, UsageKind, UsageType};

/// A product of the list: attributes, any of which may be missing.
#[derive(serde::Deserialize)]
pub(super) struct Product {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// What a product's price is of.
pub(super) struct Subject {
    pub(super) model: String,
    pub(super) region: String,
    pub(super) routing: BilledRouting,
    pub(super) tier: Tier,
    /// The context size above which it holds.
    pub(super) over: u64,
    pub(super) thing: Thing,
    /// Whether its name says that millions are counted.
    pub(super) counts_millions: bool,
}

/// What is priced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    /// Tokens, by their place among the rates.
    Tokens(&'static str),
    Units(Unit, Conditions),
}

impl Product {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The product for people: its usage type where it has one.
    pub(super) fn name(&self, sku: &str) -> String {
        match self.attribute("usagetype") {
            Some(usage_type) => format!("{usage_type} ({sku})"),
            None => sku.to_owned(),
        }
    }

    /// What its price is of, or why that cannot be told.
    pub(super) fn subject(&self) -> Result<Subject, String> {
        let usage_type = self.attribute("usagetype").ok_or("it has no usage type")?;
        let line = UsageType::parse(usage_type).map_err(|error| error.to_string())?;
        if line.is_custom_model() {
            return Err("a customized model has an id of its own".to_owned());
        }
        let region = self.attribute("regionCode").unwrap_or(line.region());
        if region != line.region() {
            return Err(format!("its region is {region}, and its usage type says {}", line.region()));
        }
        let model = self.model(&line)?;
        let thing = thing(&line, &model)?;
        let over = match line.is_long_context() {
            true => context_bounds(&model).first().copied().ok_or("no context size is known for its long context")?,
            false => 0,
        };
        Ok(Subject {
            region: region.to_owned(),
            routing: line.routing(),
            tier: line.tier(),
            counts_millions: line.counts_millions(),
            model,
            over,
            thing,
        })
    }

    /// The label of the usage type; those of AWS Marketplace have none, and the product is named after the model.
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
            Some(name) => format!("`{name}` is the name of no known model"),
            None => "nothing names its model".to_owned(),
        })
    }
}

fn thing(line: &UsageType<'_>, model: &str) -> Result<Thing, String> {
    match line.kind() {
        UsageKind::Tokens(kind) => Ok(Thing::Tokens(match kind {
            TokenKind::Input => "input",
            TokenKind::Output => "output",
            TokenKind::CacheRead => "cache_read",
            TokenKind::CacheWrite(Some(CacheTtl::OneHour)) => "cache_write_1h",
            TokenKind::CacheWrite(Some(CacheTtl::ThirtyMinutes)) => "cache_write_30m",
            TokenKind::CacheWrite(Some(CacheTtl::FiveMinutes)) => "cache_write_5m",
            TokenKind::CacheWrite(None) if writes_live_thirty_minutes(model) => "cache_write_30m",
            TokenKind::CacheWrite(None) => "cache_write_5m",
            TokenKind::InputAudio => "input_audio",
            TokenKind::OutputAudio => "output_audio",
            TokenKind::InputImage => return Err("image tokens have no rate of their own in a price table".to_owned()),
            _ => return Err("tokens of a kind that has no rate in a price table".to_owned()),
        })),
        UsageKind::Units { unit, side, word, .. } => {
            let conditions = Conditions { side: *side, steps: None, word: word.as_deref().map(Box::from) };
            Ok(Thing::Units(*unit, conditions))
        }
        UsageKind::TokensPerMinute { .. } => Err("reserved tokens per minute have no unit in a price table".to_owned()),
        _ => Err("a kind of usage that has no unit in a price table".to_owned()),
    }
}

fn writes_live_thirty_minutes(model: &str) -> bool {
    let vendor = model.split_once('.').map_or("", |(vendor, _)| vendor);
    Resolutions::bundled().is_some_and(|rules| rules.writes_live_thirty_minutes(vendor))
}

/// The context sizes above which the bundled table has other prices of a model.
pub(super) fn context_bounds(model: &str) -> Vec<u64> {
    let prices = outlay_price::Prices::bundled();
    let bounds = prices.rows().filter(|price| price.model() == model).flat_map(|price| price.context_bounds());
    let mut bounds: Vec<u64> = bounds.collect();
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}
