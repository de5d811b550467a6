//! Numbers and texts at the limits of their ranges.

use bedrock_sim::{Operation, Reply, Tokens};
use outlay::{CostStatus, Outcome, Usage, Usd};
use outlay_tests::{HAIKU, Harness, call_spans, haiku, invoke, read_stream};
use serde_json::json;

#[tokio::test]
async fn extreme_token_counts_saturate_and_never_panic() {
    for tokens in [u64::MAX, u64::MAX / 2, i64::MAX as u64, i64::MAX as u64 + 1, 1 << 53, (1 << 53) + 1] {
        let h = Harness::new().await;
        let task = h.outlay.task("t").start();
        task.run(async {
            let usage = json!({"input_tokens": tokens, "output_tokens": tokens, "cache_read_input_tokens": tokens,
                "cache_creation_input_tokens": tokens});
            for _ in 0..2 {
                h.sim.push(Reply::json(json!({"usage": usage})));
                invoke(&h.client, HAIKU).send().await.unwrap();
                h.sim.push(Reply::chunks([json!({"type": "message_start", "message": {"usage": usage}}),
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": tokens}})]));
                let read = read_stream(&h.client, Operation::InvokeModelWithResponseStream, HAIKU).await;
                assert_eq!(read.error, None);
            }
        })
        .await;
        let report = task.finish(Outcome::success());
        let each = i128::from(tokens) * (1_100_000 + 5_500_000 + 110_000 + 1_375_000);
        assert_eq!(report.totals().cost().usd(), Some(Usd::from_picos(4 * each)), "{tokens}");
        assert_eq!(report.totals().cost().status(), CostStatus::Exact);
        assert!(!report.to_string().is_empty());
        let spans = h.spans();
        let expected = i64::try_from(each).unwrap_or(i64::MAX);
        for call in call_spans(&spans) {
            assert_eq!(call.int("outlay.cost.picousd"), Some(expected));
            assert_eq!(call.int("gen_ai.usage.output_tokens"), Some(i64::try_from(tokens).unwrap_or(i64::MAX)));
        }
        assert!(h.metrics().iter().all(|point| point.value.is_finite() && point.value >= 0.0));
    }
}

#[tokio::test]
async fn counts_beyond_the_sdk_range_are_counted_and_leave_the_call_result_unchanged() {
    let h = Harness::new().await;
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(5_000_000_000, 1).total(5_000_000_001)));
    let task = h.outlay.task("t").start();
    let bare = {
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(5_000_000_000, 1).total(5_000_000_001)));
        haiku(&h.bare_client()).send().await.is_ok()
    };
    let metered = task.run(haiku(&h.client).send()).await.is_ok();
    assert_eq!(metered, bare);
    let spans = h.spans();
    assert_eq!(call_spans(&spans)[0].int("outlay.cost.picousd"), Some(5_000_000_000 * 1_100_000 + 5_500_000));
}

#[tokio::test]
async fn negative_counts_are_rejected_and_marked_as_doubtful() {
    let cases = [
        json!({"inputTokens": -1, "outputTokens": 5, "totalTokens": 4}),
        json!({"inputTokens": 5, "outputTokens": -1, "totalTokens": 4}),
        json!({"inputTokens": -5, "outputTokens": -1, "totalTokens": -6}),
        json!({"inputTokens": i64::MIN, "outputTokens": 1, "totalTokens": 1}),
        json!({"inputTokens": 5, "outputTokens": 5, "totalTokens": 10, "cacheReadInputTokens": -7}),
    ];
    for usage in cases {
        for operation in [Operation::Converse, Operation::ConverseStream] {
            let h = Harness::new().await;
            h.sim.push(match operation {
                Operation::Converse => Reply::json(json!({
                    "output": {"message": {"role": "assistant", "content": []}},
                    "stopReason": "end_turn",
                    "usage": usage,
                })),
                _ => Reply::events([
                    ("messageStop", json!({"stopReason": "end_turn"})),
                    ("metadata", json!({"usage": usage})),
                ]),
            });
            let task = h.outlay.task("t").start();
            task.run(async {
                match operation {
                    Operation::Converse => drop(haiku(&h.client).send().await),
                    _ => drop(read_stream(&h.client, operation, HAIKU).await),
                }
            })
            .await;
            let totals = task.finish(Outcome::success()).totals().clone();
            let case = format!("{operation} {usage}: {}", totals.cost());
            assert!(totals.cost().usd().is_some_and(|usd| usd > Usd::ZERO), "{case}");
            assert!(totals.by_direction().parts().iter().all(|(_, part)| *part >= Usd::ZERO), "{case}");
            let spans = h.spans();
            spans.assert_conserved();
            let is_doubted = call_spans(&spans)[0].has("outlay.usage.doubt");
            let is_exact = totals.cost().status() == CostStatus::Exact;
            assert!(!is_exact && is_doubted, "{case}: an impossible count is not marked");
        }
    }
}

#[tokio::test]
async fn a_deeply_nested_answer_keeps_its_usage() {
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let usage = json!({"input_tokens": 1_000, "output_tokens": 0});
    h.sim.push(Reply::json(json!({"content": deep, "usage": usage})));
    task.run(invoke(&h.client, HAIKU).send()).await.unwrap();
    h.sim.push(Reply::json(json!({"stop_reason": deep, "delta": deep, "choices": deep, "usage": usage})));
    task.run(invoke(&h.client, HAIKU).send()).await.unwrap();
    assert_eq!(task.totals().cost().to_string(), "$0.002200 exact");
}

#[tokio::test]
async fn a_refund_appears_in_totals_spans_and_metrics() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.charge("search", Usd::from_cents(10));
    task.charge("refund", Usd::from_cents(-4));
    let totals = task.finish(Outcome::success()).totals().clone();
    let spans = h.spans();
    spans.assert_conserved();
    let metric: f64 = h.metrics().iter().filter(|p| p.name == "outlay.cost").map(|p| p.value).sum();
    let total = totals.cost().usd().unwrap();
    assert!((metric - total.to_f64()).abs() < 1e-12, "the metric is {metric}, the total {total}");
}

#[tokio::test]
async fn extreme_charges_saturate_and_never_panic() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.charge("maximum", Usd::MAX);
    task.charge("one more", Usd::MAX);
    let report = task.finish(Outcome::success().value(Usd::MAX));
    assert_eq!(report.totals().cost().usd(), Some(Usd::MAX));
    assert!(!report.to_string().is_empty());
    assert_eq!(h.spans().one("invoke_workflow t").int("outlay.total.picousd"), Some(i64::MAX));
}

fn hostile() -> String {
    format!("a\u{0}b\u{1b}[31m\r\nc\u{7f}{}", "x".repeat(2_000))
}

#[tokio::test]
async fn dimensions_with_control_characters_are_cleaned_and_truncated() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").team(&hostile()).owner("\u{1b}").dimension(&hostile(), &hostile()).start();
    task.run(h.ask(HAIKU, 10, 1)).await;
    task.finish(Outcome::success());
    let spans = h.spans();
    for span in spans.iter() {
        let is_own = |key: &str| key.starts_with("outlay.dim.") || key == "outlay.team";
        let found: Vec<_> = span.data().attributes.iter().filter(|a| is_own(a.key.as_str())).collect();
        assert_eq!(found.len(), 2, "{}", span.name());
        for attribute in found {
            assert!(attribute.value.to_string().chars().count() <= 256);
            assert!(!attribute.value.to_string().contains(char::is_control));
            assert!(!attribute.key.as_str().contains(char::is_control) && attribute.key.as_str().len() <= 300);
        }
        assert!(!span.has("outlay.owner"));
    }
    for point in h.metrics() {
        assert!(point.attributes.values().all(|value| value.chars().count() <= 256));
        assert!(!point.attributes.values().any(|value| value.contains(char::is_control)));
    }
}

#[tokio::test]
async fn control_characters_in_names_reach_no_report_span_or_metric() {
    let h = Harness::new().await;
    let name = hostile();
    let task = h.outlay.task(&name).start();
    task.run(outlay::agent(&name).run(outlay::tool(&name).run(async {
        h.ask(HAIKU, 10, 1).await;
        outlay::step(&name, &name).run_sync(|| outlay::charge(&name, Usd::from_cents(1)));
    })))
    .await;
    let report = task.finish(Outcome::success());
    assert!(!report.to_string().contains(['\u{0}', '\u{1b}', '\u{7f}', '\r']));
    let spans = h.spans();
    spans.assert_conserved();
    for span in spans.iter() {
        assert!(!span.name().contains(char::is_control), "a span is named {:?}", span.name());
        for attribute in &span.data().attributes {
            let value = attribute.value.to_string();
            assert!(!value.contains(char::is_control), "{} is {value:?}", attribute.key);
        }
    }
    assert!(!h.metrics().iter().any(|point| point.attributes.values().any(|v| v.contains(char::is_control))));
}

#[tokio::test]
async fn a_long_name_is_truncated_on_its_span() {
    let h = Harness::new().await;
    let long = "x".repeat(2_000);
    let task = h.outlay.task(&long).start();
    task.run_sync(|| outlay::tool(&long).run_sync(|| outlay::charge(&long, Usd::from_cents(1))));
    task.finish(Outcome::success());
    for span in h.spans().iter() {
        assert!(span.name().len() <= 64 + 20, "a span's name has {} bytes", span.name().len());
        for key in ["outlay.task.name", "outlay.step.name", "outlay.charge.name"] {
            assert!(span.text(key).is_none_or(|name| name.len() <= 64), "{key} on {:.20}", span.name());
        }
    }
}

#[tokio::test]
async fn a_call_with_empty_usage_is_free_and_one_without_usage_is_unpriced() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run_sync(|| outlay::call(HAIKU).usage(Usage::new()).record());
    task.run_sync(|| outlay::call(HAIKU).record());
    let totals = task.totals();
    assert_eq!((totals.calls(), totals.unpriced_calls()), (2, 1));
    assert_eq!(totals.cost().to_string(), "$0.000000 unpriced");
}

#[tokio::test]
async fn a_call_with_an_invalid_model_id_is_unpriced() {
    for model in ["", " ", "☃", "arn:", "arn:aws:bedrock:::", "us.", &"x".repeat(3_000), "../..", "a/b?c=d#e%20"] {
        let h = Harness::new().await;
        let task = h.outlay.task("t").start();
        task.run_sync(|| outlay::call(model).usage(Usage::new().with_uncached_input(1)).record());
        drop(task.run(h.client.converse().model_id(model).messages(outlay_tests::user("hi")).send()).await);
        let totals = task.finish(Outcome::success()).totals().clone();
        assert!(totals.unpriced_calls() >= 1, "{model:?}");
        assert_eq!(totals.pending_calls(), 0, "{model:?}");
        assert!(totals.cost().usd().is_none_or(|usd| usd == Usd::ZERO), "{model:?}");
        h.spans().assert_conserved();
    }
}
