//! The prices of LiteLLM's table, field by field.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::stated_price::{Billed, Kind, StatedPrice};
use crate::import::build_error::BuildError;
use crate::import::rates::digits;
use crate::import::resolutions::{Resolutions, Source};
use crate::import::source_id::Id;
use outlay_price::parts::Decimal;
use outlay_price::parts::Start;
use outlay_price::{Routing, Tier, Timestamp, Unit, UnitCount, Usd};

type Row<'a> = BTreeMap<String, &'a RawValue>;

pub(super) fn stated(text: &str, rules: &Resolutions) -> Result<Vec<StatedPrice>, BuildError> {
    let table: BTreeMap<String, Row<'_>> =
        serde_json::from_str(text).map_err(|error| BuildError::one(format!("litellm: {error}")))?;
    let at = Start::parse(&rules.sources.litellm.as_of)
        .ok_or_else(|| BuildError::one("litellm: the `as_of` of the source is not a day"))?
        .at;
    let mut all = Vec::new();
    for (key, row) in table.iter().filter(|(key, _)| rules.skipped(Source::LiteLlm, key).is_none()) {
        let bad = |what: &str| BuildError::one(format!("litellm: {key}: {what} is not understood"));
        let parts = Key::parse(key).ok_or_else(|| bad("the key"))?;
        let fields = row.iter().filter(|(field, _)| field.contains("cost") && rules.skipped_field(field).is_none());
        for (field, raw) in fields {
            let mut prices = prices(key, &parts, field, digits(raw), at).ok_or_else(|| bad(field))?;
            // The figures of one key have the same format.
            let text = row.get("input_cost_per_token").map(|raw| digits(raw));
            prices.iter_mut().for_each(|price| price.same_as_text = text == Some(digits(raw)));
            all.extend(prices);
        }
    }
    Ok(all)
}

/// A key of the form `[SIZE/][STEPS/][bedrock/][REGION/][COMMITMENT/]ID`.
struct Key<'a> {
    id: Id,
    side: Option<u32>,
    steps: Option<u32>,
    commitment: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn parse(key: &'a str) -> Option<Self> {
        let (before, wire) = key.rsplit_once('/').unwrap_or(("", key));
        let parts: Vec<&str> = before.split('/').collect();
        let ends = |end: &str| parts.iter().find_map(|part| part.strip_suffix(end));
        // `max` means no bound.
        let number = |text: &str| if text == "max" { Some(u32::MAX) } else { text.parse().ok() };
        let region = parts.iter().find(|part| part.matches('-').count() >= 2 && part.ends_with(char::is_numeric));
        let region = region.copied().filter(|part| !part.contains("-x-"));
        let id = match wire {
            "guardrails" => Id { model: wire.to_owned(), region: None, routing: Routing::InRegion },
            _ => Id::new(wire, region).ok()?,
        };
        let side = parts.iter().find_map(|part| part.split_once("-x-"));
        Some(Self {
            id,
            side: side.and_then(|(side, _)| number(side)),
            steps: ends("-steps").and_then(number),
            commitment: ends("-commitment"),
        })
    }
}

fn prices(key: &str, parts: &Key<'_>, field: &str, raw: &str, at: Timestamp) -> Option<Vec<StatedPrice>> {
    let (billed, tier, scale) = match token_field(field) {
        Some((kind, over, tier)) => (Billed::Tokens(kind, over), tier, 1),
        None if parts.commitment.is_some() => {
            (Billed::Capacity(parts.commitment.map(str::to_owned)), Tier::Provisioned, 3_600)
        }
        None if matches!(field, "input_cost_per_second" | "cost_per_second") => {
            (Billed::Capacity(None), Tier::Provisioned, 3_600)
        }
        None if field == "guardrail_cost_per_unit" => return guardrails(key, parts, raw, at),
        None => {
            let unit = match field {
                "input_cost_per_image" => Unit::InputImage,
                "output_cost_per_image" => Unit::OutputImage,
                "input_cost_per_audio_per_second" => Unit::InputAudioSecond,
                "input_cost_per_video_per_second" => Unit::InputVideoSecond,
                "input_cost_per_query" => Unit::Query,
                _ => return None,
            };
            let count = UnitCount::new(unit, 1);
            let count = parts.side.map_or(count.clone(), |side| count.with_side(side));
            let count = parts.steps.map_or(count.clone(), |steps| count.with_steps(steps));
            (Billed::Unit(count), Tier::Default, 1)
        }
    };
    let price = dollars(raw)?.saturating_mul(scale);
    Some(vec![stated_price(key, parts, field.to_owned(), (billed, tier, price), at)])
}

fn guardrails(key: &str, parts: &Key<'_>, raw: &str, at: Timestamp) -> Option<Vec<StatedPrice>> {
    let policies: Row<'_> = serde_json::from_str(raw).ok()?;
    let price = |(policy, raw): (String, &RawValue)| {
        let billed = Billed::Unit(UnitCount::new(Unit::GuardrailUnit, 1).with_word(policy.clone()));
        Some(stated_price(key, parts, policy, (billed, Tier::Default, dollars(digits(raw))?), at))
    };
    policies.into_iter().map(price).collect()
}

fn stated_price(
    key: &str,
    parts: &Key<'_>,
    field: String,
    (billed, tier, price): (Billed, Tier, Usd),
    at: Timestamp,
) -> StatedPrice {
    let (key, id) = (key.to_owned(), parts.id.clone());
    StatedPrice {
        source: Source::LiteLlm,
        key,
        id,
        from: String::new(),
        at,
        tier,
        field,
        billed,
        price,
        same_as_text: false,
        is_flat: false,
    }
}

fn dollars(raw: &str) -> Option<Usd> {
    Decimal::parse(raw).ok()?.scaled(12).ok().map(Usd::from_picos)
}

/// Parses a field such as `cache_read_input_token_cost_above_200k_tokens_priority` from its end.
fn token_field(field: &str) -> Option<(Kind, u64, Tier)> {
    let tiers = [
        ("_batches", Tier::Batch),
        ("_flex", Tier::Flex),
        ("_priority", Tier::Priority),
        ("_ultrafast", Tier::Ultrafast),
    ];
    let in_tier = tiers.iter().find_map(|(end, tier)| field.strip_suffix(end).map(|rest| (rest, *tier)));
    let (rest, tier) = in_tier.unwrap_or((field, Tier::Default));
    let sized = rest.strip_suffix("k_tokens").and_then(|rest| rest.rsplit_once("_above_"));
    let (rest, over) = match sized {
        Some((rest, thousands)) => (rest, thousands.parse::<u64>().ok()? * 1_000),
        None => (rest, 0),
    };
    let kind = match rest {
        // Bedrock counts image tokens as text tokens.
        "input_cost_per_token" | "input_cost_per_image_token" => Kind::Input,
        "output_cost_per_token" => Kind::Output,
        "cache_read_input_token_cost" => Kind::CacheRead,
        "cache_creation_input_token_cost" => Kind::CacheWrite,
        "cache_creation_input_token_cost_above_1hr" => Kind::CacheWriteHour,
        "input_cost_per_audio_token" => Kind::InputAudio,
        "output_cost_per_audio_token" => Kind::OutputAudio,
        _ => return None,
    };
    Some((kind, over, tier))
}
