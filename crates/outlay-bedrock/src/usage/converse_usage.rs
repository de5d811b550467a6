//! Reads the cost of a Converse answer from the whole body or the stream's `metadata` event. It reads the bytes and
//! not the SDK's types, which turn a missing count into zero.

use serde::Deserialize;

use super::guardrail_usage::{GuardrailReport, GuardrailTrace};
use super::lenient::{self, Object, Text};
use super::members::Members;

/// What a Converse answer contains besides its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConverseAnswer {
    pub(crate) usage: Members,
    pub(crate) stop_reason: Option<String>,
    pub(crate) served_tier: Option<String>,
    pub(crate) served_latency: Option<String>,
    /// The ARN of the model that a prompt router picked.
    pub(crate) invoked_model: Option<String>,
    /// The model by another name in the answer, as gateways add it.
    pub(crate) named_model: Option<String>,
    pub(crate) guardrail: Option<GuardrailReport>,
}

impl ConverseAnswer {
    /// Takes in a later `metadata` event. Each part comes from the last event that has it.
    pub(crate) fn merge(&mut self, later: Self) {
        self.usage.merge(&later.usage);
        let newer = |own: &mut Option<String>, later: Option<String>| *own = later.or(own.take());
        newer(&mut self.stop_reason, later.stop_reason);
        newer(&mut self.served_tier, later.served_tier);
        newer(&mut self.served_latency, later.served_latency);
        newer(&mut self.invoked_model, later.invoked_model);
        newer(&mut self.named_model, later.named_model);
        GuardrailReport::merge(&mut self.guardrail, later.guardrail);
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    usage: Object<Members>,
    stop_reason: Text,
    model: Text,
    service_tier: Object<ServiceTier>,
    performance_config: Object<PerformanceConfig>,
    trace: Object<Trace>,
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
    usage: Object<Members>,
}

/// Reads the answer. Parts that cannot be read are missing.
pub(crate) fn read_converse(json: &[u8]) -> ConverseAnswer {
    let body: Body = lenient::read(json);
    let Trace { prompt_router, guardrail } = body.trace.0.unwrap_or_default();
    let router = prompt_router.0.unwrap_or_default();
    let mut usage = body.usage.0.unwrap_or_default();
    if let Some(router_usage) = router.usage.0 {
        usage.merge_place(&router_usage);
    }
    ConverseAnswer {
        usage,
        stop_reason: body.stop_reason.0,
        served_tier: body.service_tier.0.and_then(|t| t.r#type.0),
        served_latency: body.performance_config.0.and_then(|p| p.latency.0),
        invoked_model: router.invoked_model_id.0,
        named_model: body.model.0,
        guardrail: guardrail.0.and_then(GuardrailTrace::into_report),
    }
}

#[cfg(test)]
mod tests {
    use outlay_price::{CacheTtl, Family};

    use super::super::cache_in_input::AnswerKind;
    use super::super::token_counts::Counts;
    use super::*;

    fn counts(json: &str, answer: AnswerKind, family: Family) -> (Counts, Option<String>) {
        let (counts, doubts) = read_converse(json.as_bytes()).usage.counts(answer, family);
        (counts, doubts.into_text())
    }

    #[test]
    fn claude_input_excludes_the_cache_and_writes_are_split_by_lifetime() {
        let json = r#"{"output":{"message":{}},"stopReason":"end_turn","usage":{"inputTokens":1000,
            "outputTokens":500,"totalTokens":25500,"cacheReadInputTokens":20000,"cacheWriteInputTokens":4000,
            "cacheDetails":[{"ttl":"1h","inputTokens":3000},{"ttl":"5m","inputTokens":1000}]}}"#;
        let (counts, doubt) = counts(json, AnswerKind::Converse, Family::Anthropic);
        assert_eq!(doubt, None);
        assert_eq!(counts.input, Some(1_000));
        assert_eq!(counts.cache_write_1h, Some(3_000));
        assert_eq!(counts.to_usage(|| CacheTtl::FiveMinutes).input_tokens(), 25_000);
    }

    /// Family, operation, reported input, output, cache reads and total; uncached input, and whether it is certain.
    const TOTALS: [(Family, AnswerKind, [u64; 4], u64, bool); 14] = [
        (Family::Anthropic, AnswerKind::Converse, [1_000, 10, 800, 1_810], 1_000, true),
        (Family::Anthropic, AnswerKind::Converse, [1_000, 10, 800, 1_010], 1_000, false),
        (Family::Nova, AnswerKind::ConverseStream, [1_000, 10, 800, 1_010], 1_000, false),
        (Family::OpenAi, AnswerKind::Converse, [1_000, 10, 800, 1_010], 200, true),
        (Family::OpenAi, AnswerKind::Converse, [1_000, 10, 800, 1_810], 1_000, true),
        (Family::OpenAi, AnswerKind::Converse, [1_000, 10, 800, 1_500], 1_000, false),
        (Family::OpenAi, AnswerKind::ConverseStream, [1_000, 10, 800, 1_810], 200, false),
        (Family::OpenAi, AnswerKind::ConverseStream, [1_000, 10, 800, 1_010], 200, true),
        (Family::OpenAi, AnswerKind::ConverseStream, [100, 10, 800, 910], 100, true),
        (Family::OpenAi, AnswerKind::ConverseStream, [1_000, 10, 0, 1_010], 1_000, true),
        (Family::Qwen, AnswerKind::Converse, [1_000, 10, 800, 1_010], 200, true),
        (Family::Other, AnswerKind::ConverseStream, [1_000, 10, 800, 1_810], 1_000, true),
        (Family::Moonshot, AnswerKind::Converse, [1_000, 10, 800, 99], 1_000, false),
        (Family::Xai, AnswerKind::Converse, [1_000, 10, 0, 1_010], 1_000, true),
    ];

    #[test]
    fn family_operation_and_total_decide_whether_the_input_includes_the_cache() {
        for (family, answer, [input, output, read, total], uncached, certain) in TOTALS {
            let json = format!(
                r#"{{"usage":{{"inputTokens":{input},"outputTokens":{output},"totalTokens":{total},"cacheReadInputTokens":{read}}}}}"#
            );
            let (counts, doubt) = counts(&json, answer, family);
            assert_eq!(
                (counts.input, doubt.is_none()),
                (Some(uncached), certain),
                "{family:?} {answer:?} {json}: {doubt:?}"
            );
        }
    }

    #[test]
    fn without_a_total_only_a_documented_family_is_certain() {
        let json = r#"{"usage":{"inputTokens":1000,"outputTokens":10,"cacheReadInputTokens":800}}"#;
        for (family, answer, certain) in [
            (Family::Anthropic, AnswerKind::ConverseStream, true),
            (Family::Qwen, AnswerKind::Converse, false),
            (Family::OpenAi, AnswerKind::ConverseStream, false),
        ] {
            assert_eq!(counts(json, answer, family).1.is_none(), certain, "{family:?}");
        }
    }

    #[test]
    fn a_total_that_is_not_the_sum_is_a_doubt() {
        let json = r#"{"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":99}}"#;
        let (_, doubt) = counts(json, AnswerKind::Converse, Family::Anthropic);
        assert_eq!(doubt.as_deref(), Some("total: usage says 99, its parts add up to 15"));
    }

    #[test]
    fn a_missing_count_is_missing_and_not_zero() {
        let (counts, _) = counts(r#"{"usage":{"inputTokens":"10"}}"#, AnswerKind::Converse, Family::Anthropic);
        assert_eq!((counts.input, counts.output), (Some(10), None));
        assert!(read_converse(b"not json").usage.is_empty());
    }

    #[test]
    fn a_later_event_removes_nothing() {
        let mut answer = read_converse(
            br#"{"usage":{"inputTokens":10,"outputTokens":5},"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"}}"#,
        );
        answer.merge(read_converse(br#"{"metrics":{"latencyMs":9},"usage":{"inputTokens":0,"outputTokens":7}}"#));
        let (counts, _) = answer.usage.counts(AnswerKind::ConverseStream, Family::Anthropic);
        assert_eq!((counts.input, counts.output), (Some(10), Some(7)));
        assert_eq!(
            (answer.served_tier.as_deref(), answer.served_latency.as_deref()),
            (Some("flex"), Some("optimized"))
        );
    }
}
