//! The AWS part of genai-prices: models that rules match, some with dated prices, in US dollars per million tokens.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::build_error::BuildError;
use super::imported::OnUnknown;
use super::offer::Offer;
use super::resolutions::Resolutions;
use outlay_price::Tier;
use outlay_price::parts::Start;
use outlay_price::parts::{Rate, Rates};

pub(super) struct GenAiTable {
    pub(super) models: Vec<Model>,
}

pub(super) struct Model {
    pub(super) id: String,
    rule: Rule,
    /// The prices by start, the earliest first.
    pub(super) offers: Vec<(Option<Start>, Offer)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    #[serde(rename = "or_")]
    Or(Vec<Rule>),
    Contains(String),
    Equals(String),
    StartsWith(String),
    EndsWith(String),
}

#[derive(Deserialize)]
struct RawProvider<'a> {
    #[serde(default)]
    id: String,
    #[serde(borrow)]
    models: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawModel<'a> {
    id: String,
    #[serde(rename = "match")]
    rule: Rule,
    #[serde(borrow)]
    prices: &'a RawValue,
}

#[derive(Deserialize)]
struct RawDated<'a> {
    constraint: Option<RawConstraint>,
    #[serde(borrow)]
    prices: RawPrices<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConstraint {
    start_date: String,
}

type RawPrices<'a> = BTreeMap<String, &'a RawValue>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTiered<'a> {
    #[serde(borrow)]
    base: &'a RawValue,
    tiers: Vec<RawTier<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier<'a> {
    start: u64,
    #[serde(borrow)]
    price: &'a RawValue,
}

pub(super) fn parse(text: &str, rules: &Resolutions, on_unknown: &mut OnUnknown) -> Result<GenAiTable, BuildError> {
    let provider = provider(text)?;
    let mut models = Vec::new();
    for raw in provider.models {
        match json::<RawModel<'_>>(raw.get()) {
            Ok(model) => models.extend(read(model, rules, on_unknown)?),
            Err(error) => on_unknown.handle(format!("genai-prices: {}", name(raw)), error)?,
        }
    }
    Ok(GenAiTable { models })
}

/// Returns the provider `aws`, which is alone or in the list of all providers.
fn provider(text: &str) -> Result<RawProvider<'_>, BuildError> {
    if !text.trim_start().starts_with('[') {
        return json(text).map_err(|error| BuildError::one(format!("genai-prices: {error}")));
    }
    let all: Vec<&RawValue> = json(text).map_err(|error| BuildError::one(format!("genai-prices: {error}")))?;
    let mut own = all.into_iter().filter_map(|raw| json::<RawProvider<'_>>(raw.get()).ok()).filter(|of| of.id == "aws");
    own.next().ok_or_else(|| BuildError::one("genai-prices: there is no provider with the id `aws`"))
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Returns a name for a model that is not understood.
fn name(raw: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }

    serde_json::from_str::<Named>(raw.get()).map_or_else(|_| "a model without id".to_owned(), |named| named.id)
}

fn read(model: RawModel<'_>, rules: &Resolutions, on_unknown: &mut OnUnknown) -> Result<Option<Model>, BuildError> {
    let vendor = model.id.trim_start_matches("regional.").trim_start_matches("global.");
    let vendor = vendor.split_once('.').map_or("", |(vendor, _)| vendor);
    let thirty_minutes = rules.has_thirty_minute_cache_writes(vendor);
    let what = format!("genai-prices: {}", model.id);
    let text = model.prices.get();
    let dated: Vec<&RawValue> = match text.starts_with('[') {
        true => serde_json::from_str(text).unwrap_or_default(),
        false => vec![model.prices],
    };
    let mut offers = Vec::new();
    for raw in dated {
        let read = match text.starts_with('[') {
            true => json(raw.get()),
            false => json(raw.get()).map(|prices| RawDated { constraint: None, prices }),
        };
        let RawDated { constraint, prices } = match read {
            Ok(dated) => dated,
            Err(error) => {
                on_unknown.handle(&what, error)?;
                continue;
            }
        };
        let start = constraint.map(|constraint| Start::parse(&constraint.start_date).ok_or(constraint.start_date));
        let start = match start.transpose() {
            Ok(start) => start,
            Err(text) => {
                on_unknown.handle(&what, format!("{text} is not understood"))?;
                continue;
            }
        };
        let mut offer = Offer::default();
        let mut is_whole = true;
        for (field, raw) in prices {
            match put(&mut offer, &field, raw, thirty_minutes) {
                Put::Done => {}
                Put::NoField => on_unknown.handle(&what, format!("{field} is not understood"))?,
                // Do not import an incomplete price.
                Put::NoAmount => {
                    is_whole = false;
                    let amount = raw.get();
                    on_unknown
                        .handle(&what, format!("{field}: {amount} is not understood, and its price is left out"))?;
                }
            }
        }
        if is_whole {
            offers.push((start, offer));
        }
    }
    if offers.is_empty() {
        on_unknown.handle(&what, "it has no price that is understood")?;
    }
    offers.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok((!offers.is_empty()).then_some(Model { id: model.id, rule: model.rule, offers }))
}

enum Put {
    Done,
    NoField,
    NoAmount,
}

fn put(offer: &mut Offer, field: &str, raw: &RawValue, thirty_minutes: bool) -> Put {
    let slot: fn(&mut Rates) -> &mut Option<Rate> = match field {
        "input_mtok" => |rates| &mut rates.input,
        "output_mtok" => |rates| &mut rates.output,
        "cache_read_mtok" => |rates| &mut rates.cache_read,
        "cache_write_mtok" if thirty_minutes => |rates| &mut rates.cache_write_30m,
        "cache_write_mtok" => |rates| &mut rates.cache_write_5m,
        "input_audio_mtok" => |rates| &mut rates.input_audio,
        "output_audio_mtok" => |rates| &mut rates.output_audio,
        "cache_write_1h_mtok" => |rates| &mut rates.cache_write_1h,
        _ => return Put::NoField,
    };
    let steps = offer.tiers.entry(Tier::Default).or_default();
    let mut set = |over, text: &str| {
        *slot(steps.entry(over).or_default()) = Some(Rate::per_million(text).ok()?);
        Some(())
    };
    let done = match (raw.get().starts_with('{'), serde_json::from_str::<RawTiered<'_>>(raw.get())) {
        (true, Ok(tiered)) => {
            // A tier of genai-prices applies to counts above its start, as in our tables.
            let tiers = tiered.tiers.iter().map(|tier| (tier.start, tier.price.get()));
            [(0, tiered.base.get())].into_iter().chain(tiers).try_for_each(|(over, text)| set(over, text))
        }
        (true, Err(_)) => None,
        (false, _) => set(0, raw.get()),
    };
    if done.is_some() { Put::Done } else { Put::NoAmount }
}

impl GenAiTable {
    /// Returns the first model with a rule that matches an id, as genai-prices itself does.
    pub(super) fn find(&self, wire: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.rule.matches(wire))
    }
}

impl Model {
    /// Returns the ids that the rule names in full.
    pub(super) fn exact_ids(&self) -> Vec<&str> {
        let mut ids = Vec::new();
        self.rule.walk(&mut |rule| {
            if let Rule::Equals(id) = rule {
                ids.push(id.as_str());
            }
        });
        ids
    }

    /// Returns every text in the rule and the model's own id: full ids or parts of ids.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts = vec![self.id.trim_start_matches("regional.")];
        self.rule.walk(&mut |rule| match rule {
            Rule::Or(_) => {}
            Rule::Contains(text) | Rule::Equals(text) | Rule::StartsWith(text) => texts.push(text),
            Rule::EndsWith(text) => texts.push(text.trim_start_matches('/')),
        });
        texts
    }
}

impl Rule {
    fn matches(&self, id: &str) -> bool {
        match self {
            Self::Or(rules) => rules.iter().any(|rule| rule.matches(id)),
            Self::Contains(text) => id.contains(text.as_str()),
            Self::Equals(text) => id == text,
            Self::StartsWith(text) => id.starts_with(text.as_str()),
            Self::EndsWith(text) => id.ends_with(text.as_str()),
        }
    }

    fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        if let Self::Or(rules) = self {
            for rule in rules {
                rule.walk(visit);
            }
        }
    }
}
