//! The AWS part of genai-prices: models found by rules, US dollars per million tokens, some dated.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::resolutions::Resolutions;
use super::{BuildError, Offer};
use crate::Tier;
use crate::rate::{Rate, Rates};
use crate::start::Start;

pub(super) struct GenAi {
    pub(super) models: Vec<Model>,
}

pub(super) struct Model {
    pub(super) id: String,
    rule: Rule,
    /// By start, the earliest first.
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
    #[serde(borrow)]
    models: Vec<RawModel<'a>>,
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

pub(super) fn parse(text: &str, rules: &Resolutions) -> Result<GenAi, BuildError> {
    let provider: RawProvider<'_> = json(text)?;
    let models = provider.models.into_iter().map(|model| read(model, rules)).collect::<Result<_, _>>()?;
    Ok(GenAi { models })
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, BuildError> {
    serde_json::from_str(text).map_err(|error| BuildError::one(format!("genai-prices: {error}")))
}

fn read(model: RawModel<'_>, rules: &Resolutions) -> Result<Model, BuildError> {
    let vendor = model.id.trim_start_matches("regional.").trim_start_matches("global.");
    let vendor = vendor.split_once('.').map_or("", |(vendor, _)| vendor);
    let thirty_minutes = rules.writes_live_thirty_minutes(vendor);
    let text = model.prices.get();
    let dated: Vec<RawDated<'_>> = match text.starts_with('[') {
        true => json(text)?,
        false => vec![RawDated { constraint: None, prices: json(text)? }],
    };
    let mut offers = Vec::new();
    for RawDated { constraint, prices } in dated {
        let bad = |what: &str| BuildError::one(format!("genai-prices: {}: {what} is not understood", model.id));
        let start = match constraint {
            Some(constraint) => Some(Start::parse(&constraint.start_date).ok_or_else(|| bad(&constraint.start_date))?),
            None => None,
        };
        let mut offer = Offer::default();
        for (field, raw) in prices {
            put(&mut offer, &field, raw, thirty_minutes).ok_or_else(|| bad(&field))?;
        }
        offers.push((start, offer));
    }
    offers.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Model { id: model.id, rule: model.rule, offers })
}

fn put(offer: &mut Offer, field: &str, raw: &RawValue, thirty_minutes: bool) -> Option<()> {
    let slot: fn(&mut Rates) -> &mut Option<Rate> = match field {
        "input_mtok" => |rates| &mut rates.input,
        "output_mtok" => |rates| &mut rates.output,
        "cache_read_mtok" => |rates| &mut rates.cache_read,
        "cache_write_mtok" if thirty_minutes => |rates| &mut rates.cache_write_30m,
        "cache_write_mtok" => |rates| &mut rates.cache_write_5m,
        "input_audio_mtok" => |rates| &mut rates.input_audio,
        "output_audio_mtok" => |rates| &mut rates.output_audio,
        "cache_write_1h_mtok" => |rates| &mut rates.cache_write_1h,
        _ => return None,
    };
    let steps = offer.tiers.entry(Tier::Default).or_default();
    let mut set = |over, text: &str| {
        *slot(steps.entry(over).or_default()) = Some(Rate::per_million(text).ok()?);
        Some(())
    };
    if raw.get().starts_with('{') {
        let tiered: RawTiered<'_> = serde_json::from_str(raw.get()).ok()?;
        set(0, tiered.base.get())?;
        // A tier of genai-prices holds for counts greater than its start, as ours do.
        tiered.tiers.iter().try_for_each(|tier| set(tier.start, tier.price.get()))
    } else {
        set(0, raw.get())
    }
}

impl GenAi {
    /// The model that an id is of: the first whose rule fits, as genai-prices itself searches.
    pub(super) fn find(&self, wire: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.rule.fits(wire))
    }
}

impl Model {
    /// Ids that the rule names in full.
    pub(super) fn exact_ids(&self) -> Vec<&str> {
        let mut ids = Vec::new();
        self.rule.walk(&mut |rule| {
            if let Rule::Equals(id) = rule {
                ids.push(id.as_str());
            }
        });
        ids
    }

    /// Every text in the rule, and the model's own id: full ids or parts of such.
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
    fn fits(&self, id: &str) -> bool {
        match self {
            Self::Or(rules) => rules.iter().any(|rule| rule.fits(id)),
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
