//! LiteLLM's table: one object for each key with a field for each price, in US dollars per token.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::build_error::BuildError;
use super::imported::OnUnknown;
use super::offer::Offer;
use super::rates::{digits, per_token};
use super::resolutions::{Resolutions, Source};
use super::source_id::Id;
use outlay_price::parts::Conditions;
use outlay_price::parts::GUARDRAILS;
use outlay_price::parts::Rate;
use outlay_price::{Tier, Unit, UnitPrice};

/// The rows of the table.
pub(super) struct LiteLlmTable {
    pub(super) rows: Vec<LiteLlmRow>,
    /// The skipped keys and fields, with the reason.
    pub(super) skipped: Vec<(String, String)>,
}

pub(super) struct LiteLlmRow {
    pub(super) key: String,
    pub(super) id: Id,
    pub(super) offer: Offer,
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

pub(super) fn parse(text: &str, rules: &Resolutions, on_unknown: &mut OnUnknown) -> Result<LiteLlmTable, BuildError> {
    let keys: BTreeMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|error| BuildError::one(format!("litellm: {error}")))?;
    let mut rows = Vec::new();
    let mut skipped = Vec::new();
    let mut fields_skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, raw) in keys {
        let what = format!("litellm: {key}");
        let fields: Fields<'_> = match serde_json::from_str(raw.get()) {
            Ok(fields) => fields,
            Err(error) => {
                on_unknown.handle(&what, error)?;
                continue;
            }
        };
        // The source of the bundled table has only Bedrock rows.
        if matches!(on_unknown, OnUnknown::Skip(_)) && !is_of_bedrock(&key, &fields) {
            continue;
        }
        if let Some(skip) = rules.skipped(Source::LiteLlm, &key) {
            skipped.push((format!("litellm {key}"), skip.reason.clone()));
            continue;
        }
        let Some(Key { id, tier, conditions }) = parse_key(&key) else {
            on_unknown.handle(&what, "the key is not understood")?;
            continue;
        };
        let mut offer = Offer::default();
        let mut images = None;
        let mut is_whole = true;
        for (field, raw) in fields.iter().filter(|(field, _)| field.contains("cost")) {
            let read = if let Some(skip) = rules.skipped_field(field) {
                *fields_skipped.entry(&skip.field).or_default() += 1;
                Some(())
            } else if let Some(price) = TokenField::parse(field) {
                let thirty_minutes = rules.has_thirty_minute_cache_writes(id.vendor());
                let rate = per_token(digits(raw)).ok();
                is_whole &= rate.is_some();
                rate.map(|rate| price.put(&mut offer, rate, thirty_minutes))
            } else if field == "input_cost_per_image_token" {
                images = per_token(digits(raw)).ok();
                images.map(|_| ())
            } else {
                units(&mut offer, field, raw, tier, &conditions)
            };
            if read.is_none() {
                on_unknown.handle(format!("{what}: {field}"), format!("{raw} is not understood"))?;
            }
        }
        // Do not import an incomplete price.
        if !is_whole {
            on_unknown.handle(&what, "a price of tokens is not understood, and the row is left out")?;
            continue;
        }
        if !tidy(&mut offer, images) {
            on_unknown.handle(&what, "image tokens do not cost the same as text")?;
        }
        rows.push(LiteLlmRow { key, id, offer });
    }
    skipped.extend(fields_skipped.into_iter().map(|(field, rows)| {
        let reason = rules.skipped_field(field).map_or("", |skip| &skip.reason);
        (format!("litellm field {field} of {rows} rows"), reason.to_owned())
    }));
    Ok(LiteLlmTable { rows, skipped })
}

/// Returns whether a row is for Bedrock, by its provider, or by its key if it has no provider.
fn is_of_bedrock(key: &str, fields: &Fields<'_>) -> bool {
    let provider = fields.get("litellm_provider").and_then(|raw| serde_json::from_str::<&str>(raw.get()).ok());
    provider.unwrap_or(key).starts_with("bedrock")
}

/// The parts of a key.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    id: Id,
    /// The tier of unit prices.
    tier: Tier,
    conditions: Conditions,
}

/// Parses a key such as `bedrock/us-east-1/meta.llama3-...`, `bedrock/*/1-month-commitment/cohere...` for capacity, or
/// `512-x-512/50-steps/stability...` for images.
fn parse_key(key: &str) -> Option<Key> {
    let mut tier = Tier::Default;
    let mut conditions = Conditions::default();
    let mut region = None;
    let mut parts: Vec<&str> = key.split('/').collect();
    let wire = parts.pop()?;
    for part in parts {
        if let Some((side, other)) = part.split_once("-x-") {
            conditions.side = if side == "max" && other == "max" { None } else { side.parse().ok() };
            (side == other && (side == "max" || conditions.side.is_some())).then_some(())?;
        } else if let Some(steps) = part.strip_suffix("-steps") {
            conditions.steps = if steps == "max" { None } else { Some(steps.parse().ok()?) };
        } else if let Some(commitment) = part.strip_suffix("-commitment") {
            tier = Tier::Provisioned;
            conditions.word = Some(commitment.into());
        } else if is_region(part) {
            region = Some(part);
        } else if !matches!(part, "bedrock" | "bedrock_mantle" | "invoke" | "*") {
            return None;
        }
    }
    let id = match wire {
        GUARDRAILS => Id { model: wire.to_owned(), region: None, routing: outlay_price::Routing::InRegion },
        _ => Id::new(wire, region).ok()?,
    };
    Some(Key { id, tier, conditions })
}

/// Returns whether a text has the form of a region name, such as `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match &parts[..] {
        [words @ .., number] => words.len() >= 2 && words.iter().all(is_word) && is_number(number),
        [] => false,
    }
}

/// The parts of a field such as `cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches`.
#[derive(Debug, PartialEq, Eq)]
struct TokenField {
    kind: Kind,
    over: u64,
    tier: Tier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    InputAudio,
    OutputAudio,
}

impl TokenField {
    fn parse(field: &str) -> Option<Self> {
        let (kind, rest) = [
            ("input_cost_per_token", Kind::Input),
            ("output_cost_per_token", Kind::Output),
            ("cache_read_input_token_cost", Kind::CacheRead),
            ("cache_creation_input_token_cost", Kind::CacheWrite),
            ("input_cost_per_audio_token", Kind::InputAudio),
            ("output_cost_per_audio_token", Kind::OutputAudio),
        ]
        .into_iter()
        .find_map(|(name, kind)| field.strip_prefix(name).map(|rest| (kind, rest)))?;
        let (kind, rest) = match rest.strip_prefix("_above_1hr") {
            Some(rest) if kind == Kind::CacheWrite => (Kind::CacheWrite1h, rest),
            _ => (kind, rest),
        };
        let (over, rest) = match rest.strip_prefix("_above_").and_then(|rest| rest.split_once("k_tokens")) {
            Some((thousands, rest)) => (thousands.parse::<u64>().ok()?.checked_mul(1_000)?, rest),
            None => (0, rest),
        };
        let tier = match rest {
            "" => Tier::Default,
            "_batches" => Tier::Batch,
            "_flex" => Tier::Flex,
            "_priority" => Tier::Priority,
            "_ultrafast" => Tier::Ultrafast,
            _ => return None,
        };
        Some(Self { kind, over, tier })
    }

    fn put(self, offer: &mut Offer, rate: Rate, thirty_minutes: bool) {
        let rates = offer.tiers.entry(self.tier).or_default().entry(self.over).or_default();
        *match self.kind {
            Kind::Input => &mut rates.input,
            Kind::Output => &mut rates.output,
            Kind::CacheRead => &mut rates.cache_read,
            Kind::CacheWrite if thirty_minutes => &mut rates.cache_write_30m,
            Kind::CacheWrite => &mut rates.cache_write_5m,
            Kind::CacheWrite1h => &mut rates.cache_write_1h,
            Kind::InputAudio => &mut rates.input_audio,
            Kind::OutputAudio => &mut rates.output_audio,
        } = Some(rate);
    }
}

/// Adds the price of a field that is billed by the unit. Returns `None` if it is not understood.
fn units(offer: &mut Offer, field: &str, raw: &RawValue, tier: Tier, conditions: &Conditions) -> Option<()> {
    let units = offer.units.entry(tier).or_default();
    let (unit, seconds) = match field {
        "input_cost_per_image" => (Unit::InputImage, 1),
        "output_cost_per_image" => (Unit::OutputImage, 1),
        "input_cost_per_audio_per_second" => (Unit::InputAudioSecond, 1),
        "input_cost_per_video_per_second" => (Unit::InputVideoSecond, 1),
        "input_cost_per_query" => (Unit::Query, 1),
        "cost_per_second" | "input_cost_per_second" => (Unit::ModelUnitHour, 3_600),
        "guardrail_cost_per_unit" => {
            let policies: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
            for (policy, price) in policies {
                let conditions = Conditions { word: Some(policy.into()), ..Conditions::default() };
                let price = UnitPrice::amount(digits(price)).ok()?;
                units.push(UnitPrice::new(Unit::GuardrailUnit, conditions, price));
            }
            return Some(());
        }
        _ => return None,
    };
    let price = UnitPrice::new(unit, conditions.clone(), UnitPrice::amount(digits(raw)).ok()?.saturating_mul(seconds));
    // Two fields can have the same price of capacity.
    if !units.contains(&price) {
        units.push(price);
    }
    Some(())
}

/// Removes prices of audio tokens that equal those of text, because these tokens are counted as text. Returns false if
/// image tokens do not cost the same as text.
fn tidy(offer: &mut Offer, images: Option<Rate>) -> bool {
    let base = offer.tiers.get_mut(&Tier::Default).and_then(|steps| steps.get_mut(&0));
    let text = base.as_ref().and_then(|rates| rates.input);
    if let Some(rates) = base.filter(|rates| rates.output_audio.is_none() && rates.input_audio == text) {
        rates.input_audio = None;
    }
    images.is_none() || images == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_parsed() {
        let field = TokenField::parse("cache_creation_input_token_cost_above_1hr_above_200k_tokens");
        assert_eq!(field, Some(TokenField { kind: Kind::CacheWrite1h, over: 200_000, tier: Tier::Default }));
        let field = TokenField::parse("input_cost_per_token_above_100k_tokens_batches");
        assert_eq!(field, Some(TokenField { kind: Kind::Input, over: 100_000, tier: Tier::Batch }));
        assert_eq!(TokenField::parse("input_cost_per_token_turbo"), None);
    }

    #[test]
    fn keys_are_parsed() {
        let key = parse_key("512-x-512/50-steps/stability.stable-diffusion-xl-v0").unwrap();
        assert_eq!(key.id.to_string(), "stability.stable-diffusion-xl-v0");
        assert_eq!(key.conditions.to_string(), "side<=512,steps<=50");
        let key = parse_key("max-x-max/max-steps/stability.stable-diffusion-xl-v0").unwrap();
        assert_eq!(key.conditions, Conditions::default());
        let key = parse_key("bedrock_mantle/us-gov-west-1/xai.grok-4.3").unwrap();
        assert_eq!(key.id.to_string(), "xai.grok-4.3 in us-gov-west-1");
        let key = parse_key("bedrock/*/6-month-commitment/cohere.command-text-v14").unwrap();
        assert_eq!((key.tier, key.conditions.word.as_deref()), (Tier::Provisioned, Some("6-month")));
        for key in ["bedrock/claude_platform/claude-opus-5", "512-x-1024/cohere.x", "x-steps/cohere.x"] {
            assert!(parse_key(key).is_none(), "{key}");
        }
    }
}
