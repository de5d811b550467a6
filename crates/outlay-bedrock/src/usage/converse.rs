//! The parts of a Converse answer that tell what it cost: the whole body, or the stream's `metadata` event. They are
//! read from the bytes, not from the SDK's types, which turn a missing count into zero.

use outlay_price::{Family, ModelRef};
use serde::Deserialize;

use super::counts::Counts;
use super::guardrail::{GuardrailTold, GuardrailTrace};
use super::lenient::{Count, List, Object, Text};

/// What a Converse answer says beside its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConverseAnswer {
    pub(crate) counts: Counts,
    /// Where the counts contradict each other.
    pub(crate) disagreement: Option<String>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) served_tier: Option<String>,
    pub(crate) served_latency: Option<String>,
    pub(crate) invoked_model: Option<String>,
    pub(crate) guardrail: Option<GuardrailTold>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    usage: Object<TokenUsage>,
    stop_reason: Text,
    service_tier: Object<ServiceTier>,
    performance_config: Object<PerformanceConfig>,
    trace: Object<Trace>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TokenUsage {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    cache_read_input_tokens: Count,
    cache_write_input_tokens: Count,
    cache_details: List<CacheDetail>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CacheDetail {
    ttl: Text,
    input_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceTier {
    r#type: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PerformanceConfig {
    latency: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Trace {
    prompt_router: Object<PromptRouter>,
    guardrail: Object<GuardrailTrace>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PromptRouter {
    invoked_model_id: Text,
}

/// Reads the answer; what cannot be read is missing.
pub(crate) fn read_converse(json: &[u8], model: &str) -> ConverseAnswer {
    let body: Body = serde_json::from_slice(json).unwrap_or_default();
    let Trace { prompt_router, guardrail } = body.trace.0.unwrap_or_default();
    let invoked_model = prompt_router.0.and_then(|r| r.invoked_model_id.0);
    let (counts, disagreement) = match &body.usage.0 {
        Some(usage) => usage.counts(invoked_model.as_deref().unwrap_or(model)),
        None => (Counts::default(), None),
    };
    ConverseAnswer {
        counts,
        disagreement,
        stop_reason: body.stop_reason.0,
        served_tier: body.service_tier.0.and_then(|t| t.r#type.0),
        served_latency: body.performance_config.0.and_then(|p| p.latency.0),
        invoked_model,
        guardrail: guardrail.0.and_then(GuardrailTrace::told),
    }
}

impl TokenUsage {
    fn counts(&self, model: &str) -> (Counts, Option<String>) {
        let details = &self.cache_details.0;
        let written_for = |ttl: &str| {
            let parts = details.iter().filter(|d| d.ttl.0.as_deref() == Some(ttl)).filter_map(|d| d.input_tokens.0);
            parts.reduce(u64::saturating_add)
        };
        let mut counts = Counts {
            input: self.input_tokens.0,
            output: self.output_tokens.0,
            cache_read: self.cache_read_input_tokens.0,
            cache_write: self.cache_write_input_tokens.0,
            cache_write_5m: written_for("5m"),
            cache_write_30m: written_for("30m"),
            cache_write_1h: written_for("1h"),
            reasoning: None,
        };
        let disagreement = self.settle_inclusiveness(&mut counts, model).or_else(|| self.oddity());
        (counts, disagreement)
    }

    /// What is there and makes no sense.
    fn oddity(&self) -> Option<String> {
        let numbers = [
            self.input_tokens,
            self.output_tokens,
            self.total_tokens,
            self.cache_read_input_tokens,
            self.cache_write_input_tokens,
        ];
        if numbers.into_iter().any(Count::is_odd) {
            return Some("usage has a number that is no count".to_owned());
        }
        let unknown = |d: &&CacheDetail| !matches!(d.ttl.0.as_deref(), None | Some("5m" | "30m" | "1h"));
        let ttl = self.cache_details.0.iter().find(unknown).and_then(|d| d.ttl.0.as_deref())?;
        let ttl: String = ttl.chars().take(16).collect();
        Some(format!("cache write: the lifetime {ttl} is not known, and priced as the model's usual one"))
    }

    /// `inputTokens` excludes what a cache served or stored, by AWS's documentation. OpenAI's models were measured to
    /// include it on Converse; there `totalTokens` decides, for it tells the two apart.
    fn settle_inclusiveness(&self, counts: &mut Counts, model: &str) -> Option<String> {
        let (Some(input), Some(output)) = (counts.input, counts.output) else { return None };
        let cached = counts.cache_read.unwrap_or(0).saturating_add(counts.cache_write.unwrap_or(0));
        let inclusive_total = input.saturating_add(output);
        let exclusive_total = inclusive_total.saturating_add(cached);
        let total = self.total_tokens.0;
        let may_include = || ModelRef::parse(model).is_ok_and(|m| m.family() == Family::OpenAi);
        let includes = cached > 0 && total != Some(exclusive_total) && input >= cached && may_include();
        if includes {
            counts.input = Some(input - cached);
        }
        let expected = if includes { inclusive_total } else { exclusive_total };
        match total {
            Some(total) if total != expected => {
                Some(format!("total: usage says {total}, its parts add up to {expected}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

    #[test]
    fn claude_input_excludes_the_cache_and_writes_are_split_by_lifetime() {
        let json = br#"{"output":{"message":{}},"stopReason":"end_turn","usage":{"inputTokens":1000,
            "outputTokens":500,"totalTokens":25500,"cacheReadInputTokens":20000,"cacheWriteInputTokens":4000,
            "cacheDetails":[{"ttl":"1h","inputTokens":3000},{"ttl":"5m","inputTokens":1000}]}}"#;
        let answer = read_converse(json, CLAUDE);
        assert_eq!(answer.disagreement, None);
        assert_eq!(answer.counts.input, Some(1_000));
        assert_eq!(answer.counts.cache_write_1h, Some(3_000));
        assert_eq!(answer.counts.to_usage(|| outlay_price::CacheTtl::FiveMinutes).input_tokens(), 25_000);
    }

    #[test]
    fn an_openai_input_that_includes_the_cache_is_told_by_the_total() {
        let usage = |total: u64| {
            let json = format!(
                r#"{{"usage":{{"inputTokens":1000,"outputTokens":10,"totalTokens":{total},"cacheReadInputTokens":800}}}}"#
            );
            read_converse(json.as_bytes(), "openai.gpt-5.6-sol-v1:0").counts
        };
        assert_eq!(usage(1_010).input, Some(200));
        assert_eq!(usage(1_810).input, Some(1_000));
    }

    #[test]
    fn a_total_that_is_not_the_sum_is_a_disagreement() {
        let json = br#"{"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":99}}"#;
        let answer = read_converse(json, CLAUDE);
        assert_eq!(answer.disagreement.as_deref(), Some("total: usage says 99, its parts add up to 15"));
    }

    #[test]
    fn a_missing_count_is_missing_and_not_zero() {
        let counts = read_converse(br#"{"usage":{"inputTokens":"10"}}"#, CLAUDE).counts;
        assert_eq!((counts.input, counts.output), (Some(10), None));
        assert!(read_converse(b"not json", CLAUDE).counts.is_empty());
    }
}
