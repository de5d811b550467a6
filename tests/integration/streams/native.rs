//! Usage of InvokeModelWithResponseStream from the model's native chunks and from Bedrock's invocation metrics.

use bedrock_sim::{Operation, Reply, Tokens};
use outlay_tests::{HAIKU, Harness, Span, call_spans, read_stream};
use serde_json::{Value, json};

use super::settled_once;

const STREAM: Operation = Operation::InvokeModelWithResponseStream;

/// Models, and whether their native chunks state the usage.
const MODELS: [(&str, bool); 10] = [
    (HAIKU, true),
    ("us.amazon.nova-lite-v1:0", true),
    ("us.meta.llama3-3-70b-instruct-v1:0", true),
    ("amazon.titan-text-express-v1", true),
    ("openai.gpt-oss-120b-1:0", true),
    ("qwen.qwen3-32b-v1:0", true),
    ("us.deepseek.r1-v1:0", true),
    ("ai21.jamba-1-5-large-v1:0", true),
    ("mistral.mixtral-8x7b-instruct-v0:1", false),
    ("cohere.command-r-plus-v1:0", true),
];

/// Makes one call and returns what `inspect` reads from its span.
async fn observe<T>(case: &str, model: &str, reply: impl Into<Reply>, inspect: impl FnOnce(&Span) -> T) -> T {
    let h = Harness::new().await;
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    let read = task.run(read_stream(&h.client, STREAM, model)).await;
    assert_eq!(read.error, None, "{case}");
    let (spans, _) = settled_once(case, &h, &task).await;
    inspect(call_spans(&spans)[0])
}

fn tokens(call: &Span) -> (Option<i64>, Option<i64>) {
    (call.int("gen_ai.usage.input_tokens"), call.int("gen_ai.usage.output_tokens"))
}

fn text() -> bedrock_sim::Message {
    Reply::message().text("a word or two").deltas(3)
}

#[tokio::test]
async fn the_tokens_of_a_stream_are_read_for_each_model_family() {
    for (model, _) in MODELS {
        for split in [1, 7, 180, 16_384] {
            let case = format!("{model} in chunks of {split}");
            let reply = text().usage(Tokens::new(1_000, 53)).split(split);
            let call = observe(&case, model, reply, |call| {
                (tokens(call), call.has("outlay.usage.doubt"), call.value("outlay.cost.status").cloned())
            });
            let (tokens, doubt, status) = call.await;
            assert_eq!(tokens, (Some(1_000), Some(53)), "{case}");
            assert!(!doubt, "{case}");
            assert!(matches!(status.unwrap().as_str().as_ref(), "exact" | "unpriced"), "{case}");
        }
    }
}

#[tokio::test]
async fn native_counts_take_precedence_over_the_invocation_metrics() {
    for (model, native) in MODELS {
        let reply = text().usage(Tokens::new(1_000, 53)).invocation_metrics(Tokens::new(1_000, 39));
        let text = |call: &Span, key| call.text(key).map(str::to_owned);
        let (tokens, doubt, source, status) = observe(model, model, reply, |call| {
            let status = text(call, "outlay.cost.status").unwrap();
            (tokens(call), text(call, "outlay.usage.doubt"), text(call, "outlay.usage.source"), status)
        })
        .await;
        let trusted = if native { 53 } else { 39 };
        assert_eq!(tokens, (Some(1_000), Some(trusted)), "{model}");
        // Claude's metrics are known to be lower than its native count, by which AWS bills.
        let is_known = model == HAIKU;
        let expected = (native && !is_known).then(|| "output: chunks says 53, invocation metrics 39".to_owned());
        assert_eq!((&doubt, source.as_deref()), (&expected, native.then_some("chunks")), "{model}");
        let expected_status = if doubt.is_some() { "estimated" } else { "exact" };
        assert!(status == expected_status || status == "unpriced", "{model}: {status}");
    }
}

#[tokio::test]
async fn a_stream_without_invocation_metrics_is_read_from_its_native_chunks() {
    for (model, native) in MODELS {
        let reply = text().usage(Tokens::new(1_000, 53)).without_invocation_metrics();
        let (tokens, status) =
            observe(model, model, reply, |call| (tokens(call), call.value("outlay.cost.status").cloned())).await;
        let status = status.unwrap().to_string();
        if native {
            assert_eq!(tokens, (Some(1_000), Some(53)), "{model}");
            assert!(matches!(&*status, "exact" | "unpriced"), "{model}: {status}");
        } else {
            assert!(matches!(&*status, "estimated" | "bounded" | "unpriced"), "{model}: {status}");
        }
    }
}

#[tokio::test]
async fn a_stream_without_any_usage_is_never_free_and_never_exact() {
    for (model, _) in MODELS {
        let reply = text().without_usage().without_invocation_metrics();
        let (picos, status) = observe(model, model, reply, |call| {
            (call.int("outlay.cost.picousd"), call.value("outlay.cost.status").cloned())
        })
        .await;
        let status = status.unwrap().to_string();
        assert!(matches!(&*status, "estimated" | "bounded" | "unpriced"), "{model}: {status}");
        assert!(picos.is_none_or(|picos| picos > 0), "{model}: {picos:?}");
    }
}

fn start(usage: &Value) -> Value {
    json!({"type": "message_start", "message": {"role": "assistant", "content": [], "usage": usage}})
}

fn delta(usage: &Value) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage})
}

/// The name and the chunks of a case, and its expected input, cached input and output tokens and status.
type AnthropicCase = (&'static str, Vec<Value>, [Option<i64>; 3], &'static str);

fn anthropic_cases() -> Vec<AnthropicCase> {
    let stop = json!({"type": "message_stop"});
    let one = json!({"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1});
    vec![
        (
            "start and delta",
            vec![start(&one), delta(&json!({"output_tokens": 42})), stop.clone()],
            [Some(15), Some(5), Some(42)],
            "exact",
        ),
        (
            "a delta that repeats all counts",
            vec![
                start(&one),
                delta(&json!({"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 42})),
                stop.clone(),
            ],
            [Some(17), Some(5), Some(42)],
            "exact",
        ),
        (
            "several deltas with cumulative counts",
            vec![
                start(&one),
                json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 20}}),
                delta(&json!({"output_tokens": 42})),
                stop.clone(),
            ],
            [Some(15), Some(5), Some(42)],
            "exact",
        ),
        (
            "numbers as text",
            vec![start(&json!({"input_tokens": "10", "output_tokens": "1"})), delta(&json!({"output_tokens": "42.0"}))],
            [Some(10), None, Some(42)],
            "exact",
        ),
        // The output count of `message_start` covers only the first token, not the answer.
        ("a delta without a count", vec![start(&one), delta(&json!({})), stop.clone()], [None; 3], "not exact"),
        (
            "a delta with a null count",
            vec![start(&one), delta(&json!({"output_tokens": null})), stop],
            [None; 3],
            "not exact",
        ),
        ("a stop without a delta", vec![start(&one), json!({"type": "message_stop"})], [None; 3], "not exact"),
        ("no stop at all", vec![start(&one), delta_without_stop()], [None; 3], "not exact"),
    ]
}

fn delta_without_stop() -> Value {
    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "usage tokens stop"}})
}

#[tokio::test]
async fn an_anthropic_stream_combines_the_counts_of_its_chunks() {
    for (case, chunks, expected, status) in anthropic_cases() {
        let (found, found_status) = observe(case, HAIKU, Reply::chunks(chunks), |call| {
            let (input, output) = tokens(call);
            (
                [input, call.int("gen_ai.usage.cache_read.input_tokens"), output],
                call.value("outlay.cost.status").cloned(),
            )
        })
        .await;
        let found_status = found_status.unwrap().to_string();
        if status == "exact" {
            assert_eq!((found, &*found_status), (expected, status), "{case}");
        } else {
            assert!(matches!(&*found_status, "bounded" | "estimated"), "{case}: {found_status}, {found:?}");
        }
    }
}

#[tokio::test]
async fn the_text_of_a_chunk_is_never_read_as_usage() {
    let text = r#"{"usage":{"input_tokens":1,"output_tokens":1}} amazon-bedrock-invocationMetrics stop_reason"#;
    let reply = Reply::message().text(text).deltas(200).usage(Tokens::new(1_000, 53));
    for (model, _) in MODELS {
        assert_eq!(observe(model, model, reply.clone(), tokens).await, (Some(1_000), Some(53)), "{model}");
    }
}
