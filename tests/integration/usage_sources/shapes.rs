//! All shapes of `usage`, in complete and streamed answers: the meaning of each member and the effect of unknown names.

use bedrock_sim::{Operation, Reply};
use outlay_tests::HAIKU;
use serde_json::{Value, json};

use super::{doubt, observe, picos, status, tokens};

const SOL: &str = "us.openai.gpt-5.6-sol";
const GROK: &str = "xai.grok-4.3";
const NOVA: &str = "us.amazon.nova-lite-v1:0";
const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";
const STREAM: Operation = Operation::InvokeModelWithResponseStream;
const KIMI: &str = "moonshotai.kimi-k2.5";
const DEEPSEEK: &str = "deepseek.v3.2";
const MISTRAL: &str = "mistral.mistral-large-3-675b-instruct";

/// A model, an InvokeModel body, and its expected input, output, cache read, cache write and reasoning tokens.
type Shape = (&'static str, Value, [Option<i64>; 5]);

fn chat_answer(text: &str, usage: &Value) -> Value {
    json!({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": usage})
}

/// Returns a typical answer of each family.
fn typical_answers() -> Vec<Shape> {
    let text = "a few words";
    vec![
        (
            HAIKU,
            json!({"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": {
                "input_tokens": 1_000, "output_tokens": 53, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 100,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0},
                "output_tokens_details": {"thinking_tokens": 9}, "iterations": [], "service_tier": "standard",
                "inference_geo": "not_available", "server_tool_use": {"web_search_requests": 0}}}),
            [Some(1_300), Some(53), Some(200), Some(100), Some(9)],
        ),
        (
            NOVA,
            json!({"output": {"message": {"content": [{"text": text}]}}, "stopReason": "end_turn", "usage": {
                "inputTokens": 1_000, "outputTokens": 53, "totalTokens": 1_253, "cacheReadInputTokenCount": 200,
                "cacheWriteInputTokenCount": 0}}),
            [Some(1_200), Some(53), Some(200), None, None],
        ),
        (
            LLAMA,
            json!({"generation": text, "prompt_token_count": 1_000, "generation_token_count": 53, "stop_reason": "stop"}),
            [Some(1_000), Some(53), None, None, None],
        ),
        (
            SOL,
            chat_answer(
                text,
                &json!({"prompt_tokens": 1_300, "completion_tokens": 53, "total_tokens": 1_353,
                "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 100, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 9, "accepted_prediction_tokens": 4}}),
            ),
            [Some(1_300), Some(53), Some(200), Some(100), Some(9)],
        ),
        (
            SOL,
            json!({"object": "response", "status": "completed", "model": "gpt-5.6-sol",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
                "usage": {"input_tokens": 1_300, "input_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 100},
                "output_tokens": 53, "output_tokens_details": {"reasoning_tokens": 9}, "total_tokens": 1_353}}),
            [Some(1_300), Some(53), Some(200), Some(100), Some(9)],
        ),
        (
            GROK,
            chat_answer(
                text,
                &json!({"prompt_tokens": 1_000, "completion_tokens": 44, "total_tokens": 1_053,
                "prompt_tokens_details": {"text_tokens": 1_000, "cached_tokens": 0, "image_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 9}, "num_sources_used": 0, "cost_in_usd_ticks": 12_345}),
            ),
            [Some(1_000), Some(53), None, None, Some(9)],
        ),
        (
            KIMI,
            chat_answer(
                text,
                &json!({"prompt_tokens": 1_000, "completion_tokens": 53, "total_tokens": 1_053, "cached_tokens": 0}),
            ),
            [Some(1_000), Some(53), None, None, None],
        ),
        (
            DEEPSEEK,
            chat_answer(
                text,
                &json!({"prompt_tokens": 1_000, "completion_tokens": 53, "total_tokens": 1_053,
                "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 1_000}),
            ),
            [Some(1_000), Some(53), None, None, None],
        ),
        (
            MISTRAL,
            chat_answer(text, &json!({"prompt_tokens": 1_000, "completion_tokens": 53, "total_tokens": 1_053})),
            [Some(1_000), Some(53), None, None, None],
        ),
        (
            "amazon.titan-text-express-v1",
            json!({"inputTextTokenCount": 1_000, "results": [{"tokenCount": 53, "outputText": text,
                "completionReason": "FINISH"}]}),
            [Some(1_000), Some(53), None, None, None],
        ),
    ]
}

#[tokio::test]
async fn a_typical_answer_of_each_family_is_exact() {
    for (model, body, expected) in typical_answers() {
        let case = format!("{model} {body}");
        let found = observe(Operation::InvokeModel, model, Reply::json(body), |c| (tokens(c), status(c), doubt(c)));
        assert_eq!(found.await, (expected, "exact".to_owned(), None), "{case}");
    }
}

#[tokio::test]
async fn cache_reads_are_recognized_by_each_of_their_names() {
    let openai = |usage: Value| chat_answer("ok", &usage);
    for (model, body) in [
        (
            KIMI,
            openai(
                json!({"prompt_tokens": 1_000, "completion_tokens": 10, "total_tokens": 1_010, "cached_tokens": 800}),
            ),
        ),
        (
            DEEPSEEK,
            openai(json!({"prompt_tokens": 1_000, "completion_tokens": 10, "total_tokens": 1_010,
            "prompt_cache_hit_tokens": 800, "prompt_cache_miss_tokens": 200})),
        ),
        (
            DEEPSEEK,
            openai(json!({"completion_tokens": 10, "prompt_cache_hit_tokens": 800, "prompt_cache_miss_tokens": 200})),
        ),
        (
            SOL,
            json!({"usage": {"input_tokens": 1_000, "input_tokens_details": {"cached_tokens": 800},
            "output_tokens": 10, "total_tokens": 1_010}}),
        ),
        (NOVA, json!({"usage": {"inputTokens": 200, "outputTokens": 10, "cacheReadInputTokens": 800}})),
        (NOVA, json!({"usage": {"inputTokens": 200, "outputTokens": 10, "cacheReadInputTokenCount": 800}})),
        (
            NOVA,
            json!({"usage": {"inputTokens": 200, "outputTokens": 10, "cacheReadInputTokenCount": 800,
            "cacheReadInputTokens": 800}}),
        ),
    ] {
        let case = format!("{model} {body}");
        let found = observe(Operation::InvokeModel, model, Reply::json(body), |c| (tokens(c), doubt(c))).await;
        assert_eq!(found, ([Some(1_000), Some(10), Some(800), None, None], None), "{case}");
    }
}

#[tokio::test]
async fn a_count_with_different_values_under_two_names_is_doubted() {
    let body = json!({"usage": {"inputTokens": 200, "outputTokens": 10, "cacheReadInputTokenCount": 700,
        "cacheReadInputTokens": 800}});
    let found = observe(Operation::InvokeModel, NOVA, Reply::json(body), |c| (tokens(c)[2], status(c), doubt(c))).await;
    assert_eq!((found.0, &*found.1), (Some(800), "estimated"));
    assert_eq!(found.2.as_deref(), Some("usage has one count under two names: 700 and 800"));
}

#[tokio::test]
async fn a_part_larger_than_its_total_is_doubted() {
    for (model, usage, expected) in [
        // The cache must be in addition to the prompt, and reasoning in addition to the output.
        (
            SOL,
            json!({"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 800}}),
            [900, 10],
        ),
        (
            GROK,
            json!({"prompt_tokens": 100, "completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 50}}),
            [100, 60],
        ),
    ] {
        let case = usage.to_string();
        let reply = Reply::json(chat_answer("ok", &usage));
        let found = observe(Operation::InvokeModel, model, reply, |c| (tokens(c), status(c), doubt(c))).await;
        assert_eq!((found.0[0], found.0[1]), (Some(expected[0]), Some(expected[1])), "{case}");
        assert_eq!((&*found.1, found.2.is_some()), ("estimated", true), "{case}");
    }
}

#[tokio::test]
async fn answers_counted_separately_are_summed_as_one_output() {
    let used = |output: u64| json!({"prompt_tokens": 10, "completion_tokens": output, "total_tokens": 10 + output});
    let choice = |index: u64, output: u64| json!({"index": index, "message": {"content": "x"}, "finish_reason": "stop", "usage": used(output)});
    for (body, output, expected) in [
        (json!({"choices": [choice(0, 500)]}), 500, "exact"),
        (json!({"choices": [choice(0, 500)], "usage": used(500)}), 500, "exact"),
        (json!({"choices": [choice(0, 500), choice(1, 400)], "usage": used(900)}), 900, "exact"),
        (json!({"choices": [choice(0, 500), choice(1, 400)]}), 900, "estimated"),
        (json!({"choices": [choice(0, 500)], "usage": used(5)}), 500, "estimated"),
        (json!({"choices": [choice(0, 500), choice(1, 400)], "usage": used(500)}), 900, "estimated"),
    ] {
        let reply = Reply::json(body.clone());
        let found = observe(Operation::InvokeModel, KIMI, reply, |c| (tokens(c)[..2].to_vec(), status(c))).await;
        assert_eq!(found, (vec![Some(10), Some(output)], expected.to_owned()), "{body}");
        // A stream states each count in its own chunk, and the total last.
        let ended = |choice: &Value| json!({"choices": [{"index": choice["index"], "delta": {}, "finish_reason": "stop", "usage": choice["usage"]}]});
        let choices = body["choices"].as_array().unwrap().iter().map(ended);
        let whole = body.get("usage").map(|usage| json!({"choices": [], "usage": usage}));
        let reply = Reply::chunks(choices.chain(whole));
        let found = observe(STREAM, KIMI, reply, |c| (tokens(c)[..2].to_vec(), status(c))).await;
        assert_eq!(found, (vec![Some(10), Some(output)], expected.to_owned()), "streamed: {body}");
    }
}

#[tokio::test]
async fn details_are_ignored_unless_they_state_more_than_the_counts() {
    for (details, expected) in [
        (json!({"prompt_tokens_details": {"text_tokens": 600, "image_tokens": 400, "cached_tokens": 0}}), "exact"),
        (
            json!({"completion_tokens_details": {"text_tokens": 44, "reasoning_tokens": 9, "rejected_prediction_tokens": 3}}),
            "exact",
        ),
        (json!({"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1_000}]}), "exact"),
        (json!({"prompt_tokens_details": {"cached_tokens": 0, "cached_tokens_details": {"text_tokens": 9}}}), "exact"),
        (json!({"prompt_tokens_details": {"text_tokens": 600, "image_tokens": 401}}), "estimated"),
        (json!({"prompt_tokens_details": {"new_tokens": 1_001}}), "estimated"),
        (json!({"completion_tokens_details": {"text_tokens": 50, "image_tokens": 4}}), "estimated"),
        (json!({"prompt_tokens_details": {"audio_tokens": 5}}), "estimated"),
        (json!({"prompt_tokens_details": {"audio_seconds": 12}}), "estimated"),
        (json!({"prompt_tokens_details": {"cached_tokens": {"hit": 800}}}), "estimated"),
        (json!({"tool_details": {"calls": 2}}), "estimated"),
        (json!({"tool_details": 2}), "estimated"),
        (json!({"cached_tokens": {"hit": 800}}), "estimated"),
        (json!({"cache_creation": 7}), "estimated"),
        (json!({"server_tool_use": 7}), "unpriced"),
        (json!({"server_side_tool_usage_details": {"web_search_calls": 2, "x_search_calls": 0}}), "unpriced"),
    ] {
        let mut usage = json!({"prompt_tokens": 1_000, "completion_tokens": 53, "total_tokens": 1_053});
        usage.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
        let found = observe(Operation::InvokeModel, GROK, Reply::json(chat_answer("ok", &usage)), |c| {
            (tokens(c), status(c), doubt(c))
        })
        .await;
        assert_eq!((found.0[0], found.0[1]), (Some(1_000), Some(53)), "{details}");
        assert_eq!(found.1, expected, "{details}: {:?}", found.2);
    }
}

#[tokio::test]
async fn cache_writes_are_recognized_by_the_names_of_gateways() {
    for details in [
        json!({"prompt_tokens_details": {"cached_tokens": 800, "cache_creation_tokens": 100}}),
        json!({"prompt_tokens_details": {"cached_tokens": 800, "cached_creation_tokens": 100}}),
        json!({"prompt_tokens_details": {"cached_tokens": 800, "cache_creation_tokens": 100,
            "cache_creation_token_details": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 100}}}),
    ] {
        let mut usage = json!({"prompt_tokens": 1_000, "completion_tokens": 53, "total_tokens": 1_053});
        usage.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
        let found = observe(Operation::InvokeModel, SOL, Reply::json(chat_answer("ok", &usage)), tokens).await;
        assert_eq!(found[..4], [Some(1_000), Some(53), Some(800), Some(100)], "{details}");
    }
    // The cache details of Converse in a native body.
    let usage = json!({"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 1_000,
        "cache_details": [{"ttl": "1h", "input_tokens": 1_000}]});
    let reply = Reply::json(json!({"content": [], "stop_reason": "end_turn", "usage": usage}));
    let found = observe(Operation::InvokeModel, HAIKU, reply, |c| (picos(c), status(c))).await;
    assert_eq!(found, (Some(10 * 1_100_000 + 5 * 5_500_000 + 1_000 * 2_200_000), "exact".to_owned()));
}

/// Returns answers with this usage in InvokeModel, in Converse, and in the streams of both.
fn in_each_operation(usage: &Value) -> Vec<(Operation, Reply)> {
    let mut converse = json!({"inputTokens": 1_000, "outputTokens": 53, "totalTokens": 1_053});
    let mut native = json!({"input_tokens": 1_000, "output_tokens": 53});
    for (name, value) in usage.as_object().unwrap() {
        converse[name] = value.clone();
        native[name] = value.clone();
    }
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 1_000, "output_tokens": 1}}});
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": native});
    vec![
        (Operation::InvokeModel, Reply::json(json!({"content": [], "stop_reason": "end_turn", "usage": native}))),
        (Operation::InvokeModelWithResponseStream, Reply::chunks([start, delta, json!({"type": "message_stop"})])),
        (
            Operation::Converse,
            Reply::json(json!({"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn",
                "usage": converse})),
        ),
        (
            Operation::ConverseStream,
            Reply::events([
                ("messageStop", json!({"stopReason": "end_turn"})),
                ("metadata", json!({"usage": converse})),
            ]),
        ),
    ]
}

const EXACT: i64 = 1_000 * 1_100_000 + 53 * 5_500_000;

#[tokio::test]
async fn an_unknown_positive_count_makes_the_cost_estimated_and_is_named() {
    for (usage, name) in [
        (json!({"quantum_tokens": 7}), "usage.quantum_tokens is 7"),
        (json!({"extras": {"deep": [{"units": 0.5}]}}), "usage.extras.deep.units is 1"),
        (
            json!({"cache_creation": {"ephemeral_24h_input_tokens": 9}}),
            "usage.cache_creation.ephemeral_24h_input_tokens is 9",
        ),
    ] {
        for (operation, reply) in in_each_operation(&usage) {
            let found = observe(operation, HAIKU, reply, |c| (picos(c), status(c), doubt(c))).await;
            assert_eq!((found.0, &*found.1), (Some(EXACT), "estimated"), "{operation} {usage}");
            let doubt = found.2.expect("the doubt has a reason");
            assert!(doubt.contains(name), "{operation} {usage}: {doubt}");
        }
    }
}

#[tokio::test]
async fn unknown_members_that_are_zero_null_text_or_empty_change_nothing() {
    let usage = json!({"a": 0, "b": null, "c": "7", "d": {}, "e": [], "f": {"g": 0.0, "h": [null, "x"]}, "i": -1, "j": true,
        "iterations": [], "server_tool_use": null, "serverToolUsage": {}, "new_tokens_details": {"part_tokens": 5, "tool_details": {"text_tokens": 5}}});
    for (operation, reply) in in_each_operation(&usage) {
        let found = observe(operation, HAIKU, reply, |c| (picos(c), status(c), doubt(c))).await;
        assert_eq!(found, (Some(EXACT), "exact".to_owned(), None), "{operation}");
    }
}

#[tokio::test]
async fn server_tool_use_is_unpriced_until_a_price_file_prices_it() {
    for name in ["server_tool_use", "serverToolUsage"] {
        for (operation, reply) in in_each_operation(&json!({name: {"web_search_requests": 3, "web_fetch_requests": 0}}))
        {
            let found = observe(operation, HAIKU, reply, |c| (picos(c), status(c))).await;
            assert_eq!(found, (Some(EXACT), "unpriced".to_owned()), "{operation} {name}");
        }
    }
    let h = outlay_tests::Harness::new().await;
    let prices = format!(
        "[[price]]\nmodel = \"{HAIKU}\"\ninput = \"1.10\"\noutput = \"5.50\"\nunits = {{ \"server_tool_use[web_search_requests]\" = \"0.01\" }}"
    );
    h.outlay.set_prices(outlay::Prices::from_toml(&prices).unwrap());
    let (_, reply) = in_each_operation(&json!({"server_tool_use": {"web_search_requests": 3}})).remove(0);
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    task.run(outlay_tests::invoke(&h.client, HAIKU).send()).await.unwrap();
    assert_eq!(task.totals().cost().to_string(), "$0.031392 exact");
}

/// Returns usages with iterations, the billed input, output, cache read and cache write tokens, and whether they are exact.
fn compaction_cases() -> Vec<(Value, [Option<i64>; 4], bool)> {
    let compaction = json!({"type": "compaction", "input_tokens": 120_000, "output_tokens": 3_500});
    let message = json!({"type": "message", "input_tokens": 23_000, "output_tokens": 1_000});
    let cached = json!({"type": "compaction", "input_tokens": 100_000, "output_tokens": 300, "cache_creation_input_tokens": 3_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 3_000, "ephemeral_1h_input_tokens": 0}, "cache_read_input_tokens": 50});
    let usage = |input: u64, output: u64, iterations: Value| json!({"input_tokens": input, "output_tokens": output, "iterations": iterations});
    vec![
        (usage(23_000, 1_000, json!([compaction, message])), [Some(143_000), Some(4_500), None, None], true),
        // The counts outside the list cover either the reply or all iterations.
        (usage(143_000, 4_500, json!([compaction, message])), [Some(143_000), Some(4_500), None, None], true),
        (usage(23_000, 1_000, json!([message])), [Some(23_000), Some(1_000), None, None], true),
        // An answer that pauses after the compaction has no reply.
        (usage(0, 0, json!([compaction])), [Some(120_000), Some(3_500), None, None], true),
        (usage(23_000, 1_000, json!([cached, message])), [Some(126_050), Some(1_300), Some(50), Some(3_000)], true),
        (usage(9_000, 1_000, json!([compaction, message])), [Some(143_000), Some(4_500), None, None], false),
        // An inference of another model has another price.
        (
            usage(
                23_000,
                1_000,
                json!([message, {"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 10, "output_tokens": 5}]),
            ),
            [Some(23_010), Some(1_005), None, None],
            false,
        ),
    ]
}

#[tokio::test]
async fn additional_inferences_are_charged_in_complete_and_streamed_answers() {
    for (usage, expected, is_exact) in compaction_cases() {
        let whole = Reply::json(json!({"type": "message", "content": [], "stop_reason": "end_turn", "usage": usage}));
        // The stream states the size of the prompt before its compaction.
        let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 9_000, "output_tokens": 1}}});
        let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage});
        let streamed = Reply::chunks([start, delta, json!({"type": "message_stop"})]);
        for (operation, reply) in
            [(Operation::InvokeModel, whole), (Operation::InvokeModelWithResponseStream, streamed)]
        {
            let found = observe(operation, HAIKU, reply, |c| (tokens(c), status(c), doubt(c))).await;
            let case = format!("{operation} {usage}: {:?}", found.2);
            assert_eq!(found.0[..4], expected, "{case}");
            assert_eq!((found.1 == "exact", found.2.is_none()), (is_exact, is_exact), "{case}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_an_unknown_profile_is_read_by_its_shape() {
    let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123xyz";
    for (body, expected) in [
        (json!({"embedding": [0.5], "inputTextTokenCount": 5}), [Some(5), Some(0)]),
        (json!({"embeddings": [[0.5]], "response_type": "embeddings_floats"}), [Some(5), Some(0)]),
        (json!({"content": [], "usage": {"input_tokens": 5, "output_tokens": 2}}), [Some(5), Some(2)]),
        (json!({"generation": "x", "prompt_token_count": 5, "generation_token_count": 2}), [Some(5), Some(2)]),
        (chat_answer("x", &json!({"prompt_tokens": 5, "completion_tokens": 2})), [Some(5), Some(2)]),
    ] {
        let case = body.to_string();
        let reply = Reply::json(body).header("x-amzn-bedrock-input-token-count", "5");
        let found = observe(Operation::InvokeModel, profile, reply, |c| (tokens(c), status(c))).await;
        assert_eq!((&found.0[..2], &*found.1), (&expected[..], "unpriced"), "{case}");
    }
}

#[tokio::test]
async fn the_stop_marker_of_each_family_completes_its_stream() {
    for (model, stop) in [
        ("mistral.mistral-large-2402-v1:0", json!({"outputs": [{"text": "", "stop_reason": "stop"}]})),
        (
            "cohere.command-r-v1:0",
            json!({"is_finished": true, "event_type": "stream-end", "finish_reason": "COMPLETE"}),
        ),
        (SOL, json!({"type": "response.completed", "response": {"status": "completed"}})),
        (LLAMA, json!({"generation": "", "stop_reason": "stop"})),
        ("amazon.titan-text-express-v1", json!({"outputText": "", "completionReason": "FINISH"})),
    ] {
        let text_chunk = json!({"outputs": [{"text": "twelve chars"}], "text": "twelve chars"});
        let reply = Reply::chunks([text_chunk, stop.clone()]);
        let found = observe(Operation::InvokeModelWithResponseStream, model, reply, |c| (tokens(c), status(c))).await;
        assert!(matches!(&*found.1, "estimated" | "unpriced"), "{model} {stop}: {}", found.1);
        assert!((Some(3)..=Some(4)).contains(&found.0[1]), "{model}: twelve characters of text, {:?}", found.0[1]);
    }
}

#[tokio::test]
async fn each_inference_is_priced_in_its_own_context_tier() {
    // Sonnet 4.5 costs twice as much above 200,000 input tokens.
    const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let usage = json!({"input_tokens": 23_000, "output_tokens": 1_000, "iterations": [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_000},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000}]});
    let whole = Reply::json(json!({"type": "message", "content": [], "stop_reason": "end_turn", "usage": usage}));
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 180_000, "output_tokens": 1}}});
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage});
    let streamed = Reply::chunks([start, delta, json!({"type": "message_stop"})]);
    for (operation, reply) in [(Operation::InvokeModel, whole), (STREAM, streamed)] {
        let found = observe(operation, SONNET, reply, |c| (picos(c), status(c))).await;
        assert_eq!(found, (Some(203_000 * 3_300_000 + 4_000 * 16_500_000), "exact".to_owned()), "{operation}");
    }
}

#[tokio::test]
async fn an_inference_of_another_model_is_doubted() {
    let usage = |model: &str| {
        json!({"input_tokens": 23_000, "output_tokens": 1_000, "iterations": [
        {"type": "compaction", "model": model, "input_tokens": 180_000, "output_tokens": 3_000},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000}]})
    };
    for (model, expected) in
        [("claude-haiku-4-5-20251001", "exact"), ("claude-opus-4-7", "estimated"), ("custom", "exact")]
    {
        let reply =
            Reply::json(json!({"type": "message", "content": [], "stop_reason": "end_turn", "usage": usage(model)}));
        assert_eq!(observe(Operation::InvokeModel, HAIKU, reply, status).await, expected, "{model}");
    }
}

#[tokio::test]
async fn an_input_with_both_kinds_of_names_is_counted_once() {
    for (usage, expected, expected_status) in [
        (
            json!({"prompt_tokens": 5_100, "input_tokens": 100, "cache_read_input_tokens": 5_000, "completion_tokens": 10, "total_tokens": 5_110}),
            5_100,
            "exact",
        ),
        // Nova and Claude exclude the cache in every shape. The count is not reduced, but doubted.
        (
            json!({"input_tokens": 5_100, "input_tokens_details": {"cached_tokens": 3_000}, "output_tokens": 10}),
            8_100,
            "estimated",
        ),
    ] {
        let reply = Reply::json(json!({"content": [], "stop_reason": "end_turn", "usage": usage}));
        let found = observe(Operation::InvokeModel, HAIKU, reply, |c| (tokens(c), status(c), doubt(c))).await;
        assert_eq!((found.0[0], &*found.1), (Some(expected), expected_status), "{usage}: {:?}", found.2);
    }
}

#[tokio::test]
async fn a_zero_count_is_ignored_if_another_source_has_a_count() {
    let usage = json!({"input_tokens": 1_000, "cache_read_input_tokens": 0, "output_tokens": 10});
    let reply = Reply::json(json!({"content": [], "stop_reason": "end_turn", "usage": usage}))
        .header("x-amzn-bedrock-input-token-count", "1000")
        .header("x-amzn-bedrock-output-token-count", "10")
        .header("x-amzn-bedrock-cache-read-input-token-count", "4000");
    let found = observe(Operation::InvokeModel, HAIKU, reply, tokens).await;
    assert_eq!(found[..3], [Some(5_000), Some(10), Some(4_000)]);
}
