//! Portkey's tables of prices: JSON, US cents per token, by region and mode of execution.

use std::collections::{BTreeMap, BTreeSet};

use outlay_price::Tier;
use outlay_price::parts::{Decimal, Rate};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One price that the table states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub(crate) key: String,
    /// `default` if it is not for one region.
    pub(crate) region: String,
    pub(crate) tier: Tier,
    /// The context size above which it applies.
    pub(crate) over: u64,
    /// A token kind by its name in our files, or `image`.
    pub(crate) what: String,
    /// The price of one, in 1e-12 US dollars.
    pub(crate) picos: u64,
}

#[derive(Deserialize)]
struct Entry {
    pricing_config: Option<Config>,
    custom_pricing: Option<Custom>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    pay_as_you_go: Option<Figures>,
    batch_config: Option<Figures>,
    /// How Portkey's gateway adds the figures up.
    #[serde(rename = "calculate")]
    _calculate: Option<Box<RawValue>>,
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    request_token: Option<Cents>,
    response_token: Option<Cents>,
    cache_read_input_token: Option<Cents>,
    cache_write_input_token: Option<Cents>,
    #[serde(default)]
    additional_units: BTreeMap<String, Cents>,
    /// The prices by size and quality.
    #[serde(default)]
    image: BTreeMap<String, BTreeMap<String, Cents>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cents {
    price: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Custom {
    #[serde(rename = "context_tier_map")]
    _context_tiers: Option<Box<RawValue>>,
    regions: BTreeMap<String, Region>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Region {
    execution_modes: BTreeMap<String, Mode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    pricing_config: Option<Config>,
    #[serde(default)]
    context_tiers: BTreeMap<String, Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    pricing_config: Config,
}

/// Returns all prices of a table. Panics at unknown names, so that nothing is missed.
pub(crate) fn statements(text: &str) -> BTreeSet<Statement> {
    let entries: BTreeMap<String, Entry> = serde_json::from_str(text).unwrap();
    let mut all = BTreeSet::new();
    // `default` is the price of an unknown model: zero.
    for (key, entry) in entries.iter().filter(|(key, _)| *key != "default") {
        if let Some(config) = &entry.pricing_config {
            push(&mut all, key, "default", Tier::Default, 0, config);
        }
        for (regions, region) in entry.custom_pricing.iter().flat_map(|custom| &custom.regions) {
            for (mode, priced) in &region.execution_modes {
                let tier = match mode.as_str() {
                    "standard" => Tier::Default,
                    name => name.parse().unwrap_or_else(|_| panic!("{key}: mode {name}")),
                };
                let steps = priced.context_tiers.iter().map(|(name, step)| match name.as_str() {
                    "lte-272k" => (0, &step.pricing_config),
                    "gt-272k" => (272_000, &step.pricing_config),
                    name => panic!("{key}: context {name}"),
                });
                for (over, config) in priced.pricing_config.iter().map(|config| (0, config)).chain(steps) {
                    for region in regions.split(',') {
                        push(&mut all, key, region, tier, over, config);
                    }
                }
            }
        }
    }
    all
}

fn push(all: &mut BTreeSet<Statement>, key: &str, region: &str, tier: Tier, over: u64, config: &Config) {
    assert!(config.currency.as_deref().is_none_or(|currency| currency == "USD"), "{key}: {:?}", config.currency);
    let tiers = [(tier, &config.pay_as_you_go), (Tier::Batch, &config.batch_config)];
    for (tier, figures) in tiers.into_iter().filter_map(|(tier, figures)| Some((tier, figures.as_ref()?))) {
        for (what, cents) in figures.all() {
            // One price has a binary float error, 1e-20 of a cent, which is rounded away.
            let picos = Decimal::parse(cents.price.get()).and_then(|price| price.scaled(20)).unwrap();
            let picos = Rate::from_picos((picos + 5_000_000_000) / 10_000_000_000).unwrap().picos();
            let region = region.to_owned();
            all.insert(Statement { key: key.to_owned(), region, tier, over, what: what.to_owned(), picos });
        }
    }
}

impl Figures {
    fn all(&self) -> impl Iterator<Item = (&str, &Cents)> {
        let tokens = [
            ("input", &self.request_token),
            ("output", &self.response_token),
            ("cache_read", &self.cache_read_input_token),
            ("cache_write_5m", &self.cache_write_input_token),
        ];
        let tokens = tokens.into_iter().filter_map(|(what, cents)| Some((what, cents.as_ref()?)));
        let images = self.image.values().flat_map(BTreeMap::values).map(|cents| ("image", cents));
        tokens.chain(self.additional_units.iter().map(|(name, cents)| (name.as_str(), cents))).chain(images)
    }
}
