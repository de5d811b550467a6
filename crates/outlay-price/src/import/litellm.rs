//! LiteLLM's table: one object per key, a field per price, US dollars per token.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::id::Id;
use super::rates::{all, per_token};
use super::resolutions::{Resolutions, Source};
use super::{BuildError, Offer};
use crate::decimal::Decimal;
use crate::rate::{Rate, Rates};
use crate::{Tier, Unit, UnitPrice, Usd};

/// What the table says, key by key.
pub(super) struct LiteLlm {
    pub(super) rows: Vec<LiteRow>,
    /// Skipped keys and fields, with the reason.
    pub(super) skipped: Vec<(String, String)>,
}

pub(super) struct LiteRow {
    pub(super) key: String,
    pub(super) id: Id,
    pub(super) offer: Offer,
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

pub(super) fn parse(text: &str, rules: &Resolutions) -> Result<LiteLlm, BuildError> {
    let keys: BTreeMap<String, Fields<'_>> =
        serde_json::from_str(text).map_err(|error| BuildError::one(format!("litellm: {error}")))?;
    let mut rows = Vec::new();
    let mut skipped = Vec::new();
    let mut fields_skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, fields) in keys {
        if let Some(skip) = rules.skipped(Source::LiteLlm, &key) {
            skipped.push((format!("litellm {key}"), skip.reason.clone()));
            continue;
        }
        let (id, variant) = id(&key)?;
        let mut offer = Offer::default();
        for (field, raw) in fields.iter().filter(|(field, _)| field.contains("cost")) {
            if let Some(skip) = rules.skipped_field(field) {
                *fields_skipped.entry(&skip.field).or_default() += 1;
            } else if let Some(price) = TokenField::parse(field) {
                let rate = per_token(raw.get()).map_err(|_| amount(&key, field, raw))?;
                price.put(&mut offer, rate, rules.writes_live_thirty_minutes(id.vendor()));
            } else {
                units(&mut offer, field, raw, variant).ok_or_else(|| amount(&key, field, raw))?;
            }
        }
        tidy(&mut offer);
        rows.push(LiteRow { key, id, offer });
    }
    skipped.extend(fields_skipped.into_iter().map(|(field, rows)| {
        let reason = rules.skipped_field(field).map_or("", |skip| &skip.reason);
        (format!("litellm field {field} of {rows} rows"), reason.to_owned())
    }));
    Ok(LiteLlm { rows, skipped })
}

fn amount(key: &str, field: &str, raw: &RawValue) -> BuildError {
    BuildError::one(format!("litellm: {key}: {field}: {raw} is not understood"))
}

/// `bedrock/us-east-1/meta.llama3-...`, and for images `512-x-512/50-steps/stability...`.
fn id(key: &str) -> Result<(Id, Option<&str>), BuildError> {
    let size = |key: &str| key.contains("-x-") && key.contains("-steps/");
    let (variant, rest) = match key.match_indices('/').nth(1) {
        Some((slash, _)) if size(key) => (Some(&key[..slash]), &key[slash + 1..]),
        _ => (None, key),
    };
    let rest = rest.strip_prefix("bedrock_mantle/").or(rest.strip_prefix("bedrock/")).unwrap_or(rest);
    let rest = rest.strip_prefix("invoke/").unwrap_or(rest);
    if rest == "guardrails" {
        let model = "guardrails".to_owned();
        return Ok((Id { model, region: None, routing: crate::Routing::InRegion }, None));
    }
    let (region, wire) = match rest.split_once('/') {
        Some((region, wire)) if region.ends_with(|c: char| c.is_ascii_digit()) => (Some(region), wire),
        Some(_) => {
            return Err(BuildError::one(format!("litellm: `{key}` is not understood")));
        }
        None => (None, rest),
    };
    Ok((Id::new(wire, region)?, variant))
}

/// `cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches`, taken apart.
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
}

impl TokenField {
    fn parse(field: &str) -> Option<Self> {
        let (kind, rest) = [
            ("input_cost_per_token", Kind::Input),
            ("output_cost_per_token", Kind::Output),
            ("cache_read_input_token_cost", Kind::CacheRead),
            ("cache_creation_input_token_cost", Kind::CacheWrite),
        ]
        .into_iter()
        .find_map(|(name, kind)| field.strip_prefix(name).map(|rest| (kind, rest)))?;
        let (kind, rest) = match rest.strip_prefix("_above_1hr") {
            Some(rest) if kind == Kind::CacheWrite => (Kind::CacheWrite1h, rest),
            _ => (kind, rest),
        };
        let (over, rest) = match rest.strip_prefix("_above_").and_then(|rest| rest.split_once("k_tokens")) {
            Some((thousands, rest)) => (thousands.parse::<u64>().ok()? * 1_000, rest),
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
        } = Some(rate);
    }
}

fn units(offer: &mut Offer, field: &str, raw: &RawValue, variant: Option<&str>) -> Option<()> {
    let (unit, scale) = match field {
        "input_cost_per_audio_token" => (Unit::InputAudioMtok, 18),
        "output_cost_per_audio_token" => (Unit::OutputAudioMtok, 18),
        "input_cost_per_image_token" => (Unit::InputImageMtok, 18),
        "input_cost_per_image" => (Unit::InputImage, 12),
        "output_cost_per_image" => (Unit::OutputImage, 12),
        "input_cost_per_audio_per_second" => (Unit::InputAudioSecond, 12),
        "input_cost_per_video_per_second" => (Unit::InputVideoSecond, 12),
        "input_cost_per_query" => (Unit::Query, 12),
        "guardrail_cost_per_unit" => {
            let policies: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
            for (policy, price) in policies {
                let price = Usd::from_picos(Decimal::parse(price.get()).ok()?.scaled(12).ok()?);
                offer.units.push(UnitPrice { unit: Unit::GuardrailUnit, variant: Some(policy.into()), price });
            }
            return Some(());
        }
        _ => return None,
    };
    let price = Usd::from_picos(Decimal::parse(raw.get()).ok()?.scaled(scale).ok()?);
    offer.units.push(UnitPrice { unit, variant: variant.map(Box::from), price });
    Some(())
}

/// Takes out what says nothing: token prices of zero where units are billed, and prices of other
/// tokens that equal those of text.
fn tidy(offer: &mut Offer) {
    let text = offer.tiers.get(&Tier::Default).and_then(|steps| steps.get(&0)).and_then(|rates| rates.input);
    offer.units.retain(|unit| {
        let token = matches!(unit.unit, Unit::InputAudioMtok | Unit::InputImageMtok);
        !(token && text.is_some_and(|rate| rate.times(1_000_000) == unit.price))
    });
    if offer.units.iter().any(|unit| !unit.price.is_zero()) {
        let zero = |rate: Option<Rate>| rate.filter(|rate| !rate.times(1).is_zero());
        for rates in offer.tiers.values_mut().flat_map(|steps| steps.values_mut()) {
            *rates = Rates::from_all(all(rates).map(zero));
        }
        offer.tiers.retain(|_, steps| {
            steps.retain(|_, rates| !rates.is_empty());
            !steps.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_taken_apart() {
        let field = TokenField::parse("cache_creation_input_token_cost_above_1hr_above_200k_tokens");
        assert_eq!(field, Some(TokenField { kind: Kind::CacheWrite1h, over: 200_000, tier: Tier::Default }));
        let field = TokenField::parse("input_cost_per_token_above_100k_tokens_batches");
        assert_eq!(field, Some(TokenField { kind: Kind::Input, over: 100_000, tier: Tier::Batch }));
        assert_eq!(TokenField::parse("input_cost_per_token_turbo"), None);
    }

    #[test]
    fn keys_are_taken_apart() {
        let (id, variant) = id("512-x-512/max-steps/stability.stable-diffusion-xl-v0").unwrap();
        assert_eq!(
            (id.to_string().as_str(), variant),
            ("stability.stable-diffusion-xl-v0", Some("512-x-512/max-steps"))
        );
        let (id, _) = super::id("bedrock_mantle/us-gov-west-1/xai.grok-4.3").unwrap();
        assert_eq!(id.to_string(), "xai.grok-4.3 in us-gov-west-1");
        assert!(super::id("bedrock/claude_platform/claude-opus-5").is_err());
    }
}
