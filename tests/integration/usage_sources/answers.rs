//! Answers with several events or parts, and the model that an answer names.

use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_sim::{Operation, Reply, Tokens};
use outlay_tests::{HAIKU, Harness, SONNET, Streamed, call_spans, read_stream};
use serde_json::{Value, json};

use super::{doubt, observe, picos, source, status, tokens};

const STREAM: Operation = Operation::InvokeModelWithResponseStream;

fn events(metadata: &[Value]) -> Reply {
    let mut events = vec![
        ("messageStart", json!({"role": "assistant"})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "some words of text"}})),
        ("messageStop", json!({"stopReason": "end_turn"})),
    ];
    events.extend(metadata.iter().map(|metadata| ("metadata", metadata.clone())));
    Reply::events(events)
}

#[tokio::test]
async fn a_later_metadata_event_reduces_no_count() {
    let usage = json!({"inputTokens": 1_000, "outputTokens": 500, "totalTokens": 25_500, "cacheReadInputTokens": 20_000,
        "cacheWriteInputTokens": 4_000, "cacheDetails": [{"ttl": "1h", "inputTokens": 3_000}, {"ttl": "5m", "inputTokens": 1_000}]});
    for later in [
        json!({"metrics": {"latencyMs": 9}}),
        json!({"usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}}),
        json!({"usage": usage}),
        json!({"usage": {"inputTokens": 1_000, "outputTokens": 20}}),
    ] {
        let reply = events(&[json!({"usage": usage, "serviceTier": {"type": "default"}}), later.clone()]);
        let found = observe(Operation::ConverseStream, SONNET, reply, |c| (picos(c), status(c), doubt(c))).await;
        assert_eq!(found, (Some(42_075_000_000), "exact".to_owned(), None), "{later}");
    }
    // The tier is read from any event.
    let reply = events(&[json!({"serviceTier": {"type": "turbo"}}), json!({"usage": usage}), json!({"metrics": {}})]);
    assert_eq!(observe(Operation::ConverseStream, SONNET, reply, status).await, "unpriced");
}

#[tokio::test]
async fn a_later_chunk_reduces_no_count() {
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 1_500, "cache_read_input_tokens": 20_000,
        "cache_creation_input_tokens": 0, "output_tokens": 1}}});
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 0,
        "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 500}});
    let metrics = |input: u64| {
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": input,
        "outputTokenCount": 500, "cacheReadInputTokenCount": 20_000}})
    };
    let empty =
        json!({"type": "ping", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 0, "outputTokenCount": 0}});
    let reply = Reply::chunks([start, delta, metrics(1_500), empty]);
    let found = observe(STREAM, SONNET, reply, |c| (tokens(c), picos(c), status(c), doubt(c))).await;
    assert_eq!(found.0, [Some(21_500), Some(500), Some(20_000), None, None]);
    assert_eq!((found.1, &*found.2, found.3), (Some(19_800_000_000), "exact", None));
}

#[tokio::test]
async fn the_usage_in_a_router_trace_counts_if_there_is_no_other() {
    let router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1";
    let invoked = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6";
    let usage = json!({"inputTokens": 10_000, "outputTokens": 1_000, "totalTokens": 11_000});
    let trace = json!({"promptRouter": {"invokedModelId": invoked, "usage": usage}});
    let whole = Reply::json(json!({"output": {"message": {"role": "assistant", "content": [{"text": "ok"}]}},
        "stopReason": "end_turn", "trace": trace}));
    for (operation, reply) in
        [(Operation::Converse, whole), (Operation::ConverseStream, events(&[json!({"trace": trace})]))]
    {
        let found = observe(operation, router, reply, |c| (picos(c), status(c))).await;
        assert_eq!(found, (Some(49_500_000_000), "exact".to_owned()), "{operation}");
    }
}

#[tokio::test]
async fn counts_with_and_without_the_cache_are_never_mixed() {
    const SOL: &str = "us.openai.gpt-5.6-sol";
    let usage = json!({"prompt_tokens": 100_000, "completion_tokens": 10, "total_tokens": 100_010});
    let headers = Tokens::new(20_000, 10).cache_read(80_000);
    let whole =
        Reply::json(json!({"choices": [{"finish_reason": "stop", "message": {"content": "x"}}], "usage": usage}));
    let metrics = json!({"inputTokenCount": 20_000, "outputTokenCount": 10, "cacheReadInputTokenCount": 80_000});
    let streamed = Reply::chunks([
        json!({"choices": [{"delta": {"content": "x"}, "finish_reason": null}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        json!({"choices": [], "usage": usage, "amazon-bedrock-invocationMetrics": metrics}),
    ]);
    for (operation, reply, expected_source) in
        [(Operation::InvokeModel, whole.token_headers(headers), "headers"), (STREAM, streamed, "invocation metrics")]
    {
        let found = observe(operation, SOL, reply, |c| (tokens(c), picos(c), status(c), source(c), doubt(c))).await;
        assert_eq!(found.0, [Some(100_000), Some(10), Some(80_000), None, None], "{operation}");
        // 20,000 tokens at $4.40, 80,000 at $0.44 and 10 at $22 per million.
        assert_eq!((found.1, &*found.2), (Some(123_420_000_000), "exact"), "{operation}");
        assert_eq!((found.3.as_deref(), found.4), (Some(expected_source), None), "{operation}");
    }
}

/// Each case has the chunks of a complete stream and the input, cache and output counts that they state.
#[tokio::test]
async fn every_stated_count_of_a_stream_is_used() {
    let start = |usage: Value| json!({"type": "message_start", "message": {"content": [], "usage": usage}});
    let text = json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "words of text"}});
    let delta = |usage: Value| json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage});
    let stop = json!({"type": "message_stop"});
    let cached = json!({"input_tokens": 10, "cache_read_input_tokens": 20_000, "output_tokens": 1});
    for (case, chunks, input, cache, output) in [
        (
            "output only",
            vec![start(json!({})), text.clone(), delta(json!({"output_tokens": 900})), stop.clone()],
            None,
            None,
            Some(900),
        ),
        (
            "input only",
            vec![start(cached.clone()), text.clone(), delta(json!({})), stop.clone()],
            Some(20_010),
            Some(20_000),
            None,
        ),
        (
            "cache only",
            vec![
                start(json!({"cache_read_input_tokens": 20_000})),
                text.clone(),
                delta(json!({"output_tokens": 900})),
                stop.clone(),
            ],
            None,
            Some(20_000),
            Some(900),
        ),
    ] {
        let found = observe(STREAM, HAIKU, Reply::chunks(chunks), |c| (tokens(c), status(c), picos(c))).await;
        assert_eq!(found.1, "estimated", "{case}");
        assert!(input.is_none_or(|input| found.0[0] == Some(input)), "{case}: {found:?}");
        assert!(cache.is_none_or(|cache| found.0[2] == Some(cache)), "{case}: {found:?}");
        assert!(output.is_none_or(|output| found.0[1] == Some(output)), "{case}: {found:?}");
        assert!(found.0[0] > Some(0) && found.0[1] > Some(0), "{case}: {found:?}");
    }
    // Truncated: the known part is charged by its counts and the rest is bounded.
    let reply = Reply::chunks([start(cached), text]);
    let found = observe(STREAM, HAIKU, reply, |c| (tokens(c), status(c), picos(c))).await;
    assert_eq!(found.0, [Some(20_010), None, Some(20_000), None, None]);
    assert_eq!(found.1, "bounded");
    assert_eq!(found.2, Some(10 * 1_100_000 + 20_000 * 110_000 + 200 * 5_500_000), "200 tokens are allowed");
}

#[tokio::test]
async fn the_bound_of_a_broken_stream_is_no_less_than_its_received_part() {
    let llama = "us.meta.llama3-3-70b-instruct-v1:0";
    let chunk = |count: u64| json!({"generation": "a", "prompt_token_count": 100, "generation_token_count": count, "stop_reason": null});
    let found = observe(STREAM, llama, Reply::chunks([chunk(1), chunk(20_000)]), |c| (picos(c), status(c))).await;
    assert_eq!(found, (Some((100 + 20_000) * 720_000), "bounded".to_owned()), "a running count");
    let text = json!({"generation": "x".repeat(80_000), "prompt_token_count": 100, "stop_reason": null});
    let found = observe(STREAM, llama, Reply::chunks([text]), |c| (picos(c), status(c))).await;
    assert_eq!(found, (Some((100 + 20_320) * 720_000), "bounded".to_owned()), "a text of 80,000 characters");
}

#[tokio::test]
async fn the_model_that_an_answer_names_is_reported_and_priced() {
    const FABLE: &str = "us.anthropic.claude-fable-5";
    let whole = |name: &str| {
        Reply::json(json!({"model": name, "type": "message", "content": [{"type": "text", "text": "x"}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 100_000, "output_tokens": 10_000}}))
    };
    let streamed = |name: &str| {
        let usage = json!({"input_tokens": 100_000, "output_tokens": 1});
        Reply::chunks([
            json!({"type": "message_start", "message": {"model": name, "usage": usage}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 10_000}}),
            json!({"type": "message_stop"}),
        ])
    };
    // Per million tokens: Fable 5 costs $11 and $55, Sonnet 5 $2.20 and $11, with the same `us.` routing.
    let (fable, sonnet) = (1_650_000_000_000, 330_000_000_000);
    for (name, reported, cost) in [
        ("claude-fable-5", None, fable),
        ("anthropic.claude-fable-5", None, fable),
        ("claude-fable-5-20260901", None, fable),
        ("claude-sonnet-5", Some("claude-sonnet-5"), sonnet),
        ("anthropic/claude-sonnet-5", Some("anthropic/claude-sonnet-5"), sonnet),
        ("us.anthropic.claude-sonnet-5", Some("us.anthropic.claude-sonnet-5"), sonnet),
        ("custom-name", Some("custom-name"), fable),
        ("", None, fable),
    ] {
        for (operation, reply) in [(Operation::InvokeModel, whole(name)), (STREAM, streamed(name))] {
            let found = observe(operation, FABLE, reply, |c| {
                (picos(c), status(c), c.text("gen_ai.response.model").map(str::to_owned))
            });
            let expected = (Some(cost), "exact".to_owned(), reported.map(str::to_owned));
            assert_eq!(found.await, expected, "{operation} {name}");
        }
    }
    // An unknown profile stays unpriced.
    let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123xyz";
    let found = observe(Operation::InvokeModel, profile, whole("claude-sonnet-5"), |c| (picos(c), status(c))).await;
    assert_eq!(found, (None, "unpriced".to_owned()));
}

#[tokio::test]
async fn text_missing_from_the_counts_is_estimated_in_every_operation() {
    for operation in Operation::TURNS {
        let reply = Reply::message().text("twenty characters...").usage(Tokens::new(1_000, 0));
        let found = observe(operation, HAIKU, reply, |c| (tokens(c), status(c), doubt(c))).await;
        assert_eq!((found.0[1], &*found.1), (Some(6), "estimated"), "{operation}");
        assert!(
            found.2.is_some_and(|doubt| doubt.contains("output: usage says 0, but the model wrote text")),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn only_a_stop_reason_of_every_part_completes_a_stream() {
    let choice = |index: u64, reason: &str| json!({"index": index, "delta": {"content": "a"}, "finish_reason": reason});
    let running = json!({"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11});
    for (case, n, chunk, is_complete) in [
        ("an empty reason", 1, json!({"choices": [choice(0, "")], "usage": running}), false),
        ("a stop reason", 1, json!({"choices": [choice(0, "stop")], "usage": running}), true),
        ("one of two answers", 2, json!({"choices": [choice(0, "stop")], "usage": running}), false),
        ("two of two", 2, json!({"choices": [choice(0, "stop"), choice(1, "length")], "usage": running}), true),
        ("an item of Responses", 1, json!({"type": "response.output_item.done", "status": "completed"}), false),
    ] {
        let h = Harness::new().await;
        h.sim.push(Reply::chunks([chunk]));
        let task = h.outlay.task("t").start();
        let call = h.client.invoke_model_with_response_stream().model_id("moonshotai.kimi-k2.5");
        let call = call.body(Blob::new(format!(r#"{{"n":{n},"max_tokens":1000,"messages":[]}}"#)));
        task.run(async {
            let mut answer = call.send().await.unwrap().body;
            while let Ok(Some(_)) = answer.recv().await {}
        })
        .await;
        assert_eq!(status(call_spans(&h.spans())[0]), if is_complete { "exact" } else { "bounded" }, "{case}");
    }
}

#[tokio::test]
async fn counts_are_found_in_every_place_of_a_stream() {
    for (model, chunk) in [
        (
            "us.cohere.command-a-v1:0",
            json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
                "billed_units": {"input_tokens": 10, "output_tokens": 5}, "tokens": {"input_tokens": 99, "output_tokens": 5}}}}),
        ),
        (
            "moonshotai.kimi-k2.5",
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop",
                "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}]}),
        ),
    ] {
        let found = observe(STREAM, model, Reply::chunks([chunk.clone()]), tokens).await;
        assert_eq!(found[..2], [Some(10), Some(5)], "{chunk}");
    }
}

#[tokio::test]
async fn a_duplicate_member_hides_no_other_members() {
    let body = r#"{"type":"message","type":"message","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn",
        "usage":{"input_tokens":1,"output_tokens":1},"usage":{"input_tokens":10,"output_tokens":5}}"#;
    let found =
        observe(Operation::InvokeModel, HAIKU, Reply::bytes("application/json", body), |c| (tokens(c), status(c)))
            .await;
    assert_eq!((&found.0[..2], &*found.1), (&[Some(10), Some(5)][..], "exact"));
}

#[tokio::test]
async fn the_model_name_in_an_answer_sets_the_family_of_a_profile_with_a_price() {
    let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123xyz";
    let prices = format!("[[price]]\nmodel = \"{profile}\"\ninput = \"3\"\noutput = \"15\"");
    for (name, expected) in [("claude-sonnet-4-5", "exact"), ("custom-name", "estimated")] {
        let h = Harness::new().await;
        h.outlay.set_prices(outlay::Prices::from_toml(&prices).unwrap());
        // Anthropic's native count and Bedrock's lower count are a known pair.
        h.sim.push(Reply::chunks([
            json!({"type": "message_start", "message": {"model": name, "usage": {"input_tokens": 9, "output_tokens": 1}}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 53}}),
            json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 39}}),
        ]));
        let task = h.outlay.task("t").start();
        task.run(read_stream(&h.client, STREAM, profile)).await;
        let spans = h.spans();
        let call = call_spans(&spans)[0];
        assert_eq!((picos(call), &*status(call)), (Some((9 * 3 + 53 * 15) * 1_000_000), expected), "{name}");
    }
}

#[tokio::test]
async fn a_model_named_by_the_first_event_of_a_stream_is_reported() {
    let usage = json!({"inputTokens": 100_000, "outputTokens": 10_000, "totalTokens": 110_000});
    let reply = Reply::events([
        ("messageStart", json!({"role": "assistant", "model": "claude-sonnet-5"})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        ("metadata", json!({"usage": usage})),
    ]);
    let found = observe(Operation::ConverseStream, "us.anthropic.claude-fable-5", reply, |c| {
        (picos(c), c.text("gen_ai.response.model").map(str::to_owned))
    });
    assert_eq!(found.await, (Some(330_000_000_000), Some("claude-sonnet-5".to_owned())));
}

#[tokio::test]
async fn text_after_the_final_counts_of_a_stream_is_doubted() {
    let metrics = json!({"amazon-bedrock-invocationMetrics": {"inputTokenCount": 10, "outputTokenCount": 3}});
    let text =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x".repeat(400)}});
    let stop = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    let early = Reply::chunks([metrics.clone(), text.clone(), stop.clone()]);
    let found = observe(STREAM, HAIKU, early, |c| (tokens(c), status(c), doubt(c))).await;
    assert_eq!((found.0[1], &*found.1), (Some(115), "estimated"), "{:?}", found.2);
    let late = Reply::chunks([text, stop, metrics]);
    let found = observe(STREAM, HAIKU, late, |c| (tokens(c), status(c), doubt(c))).await;
    assert_eq!((found.0[1], &*found.1), (Some(3), "exact"), "{:?}", found.2);
}

#[tokio::test]
async fn reasoning_or_a_refusal_with_an_output_of_zero_counts_as_text() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 0});
    for name in ["content", "reasoning", "reasoning_content", "refusal"] {
        let message = json!({name: "some forty bytes of text of the model, yes"});
        let whole = json!({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage});
        let delta = json!({"choices": [{"delta": message}]});
        let last = json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage});
        for (operation, reply) in [(Operation::InvokeModel, Reply::json(whole)), (STREAM, Reply::chunks([delta, last]))]
        {
            let found = observe(operation, "qwen.qwen3-32b-v1:0", reply, |c| (tokens(c), status(c))).await;
            assert_eq!((found.0[1], &*found.1), (Some(14), "estimated"), "{operation} {name}");
        }
    }
}

#[tokio::test]
async fn running_counts_are_not_final() {
    let metadata =
        |output: u64| json!({"usage": {"inputTokens": 1_000, "outputTokens": output, "totalTokens": 1_000 + output}});
    let start = ("messageStart", json!({"role": "assistant"}));
    let text = ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "some words of text"}}));
    let stop = ("messageStop", json!({"stopReason": "end_turn"}));
    let whole = [start.clone(), ("metadata", metadata(1)), text.clone(), stop, ("metadata", metadata(50))];
    let found =
        observe(Operation::ConverseStream, HAIKU, Reply::events(whole), |c| (tokens(c), status(c), doubt(c))).await;
    assert_eq!((found.0[1], &*found.1, found.2), (Some(50), "exact", None));
    // Truncated after the running count.
    let h = Harness::new().await;
    h.sim.push(Reply::events([start, ("metadata", metadata(1)), text.clone(), text]));
    let task = h.outlay.task("t").start();
    task.run(async {
        let mut stream = Streamed::open(&h.client, Operation::ConverseStream, HAIKU).await.unwrap();
        stream.read(3).await;
    })
    .await;
    assert!(task.totals().cost().to_string().ends_with("bounded"), "{}", task.totals().cost());
}

#[tokio::test]
async fn a_total_gives_the_only_missing_part() {
    let answer = |usage: Value| {
        Reply::json(
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": "end_turn", "usage": usage}),
        )
    };
    for (usage, expected) in [
        (json!({"inputTokens": 900, "totalTokens": 1_900}), [Some(900), Some(1_000)]),
        (json!({"outputTokens": 50, "totalTokens": 100_050}), [Some(100_000), Some(50)]),
        (
            json!({"outputTokens": 50, "totalTokens": 100_050, "cacheReadInputTokens": 90_000}),
            [Some(100_000), Some(50)],
        ),
    ] {
        let found = observe(Operation::Converse, HAIKU, answer(usage.clone()), |c| (tokens(c), status(c))).await;
        assert_eq!((&found.0[..2], &*found.1), (&expected[..], "estimated"), "{usage}");
    }
}

#[tokio::test]
async fn counts_are_read_by_the_family_of_the_model_that_answered() {
    let usage = json!({"inputTokens": 1_000, "outputTokens": 10, "totalTokens": 1_810, "cacheReadInputTokens": 800});
    let reply = Reply::events([
        ("messageStart", json!({"role": "assistant", "model": "gpt-5.6-sol"})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        ("metadata", json!({"usage": usage})),
    ]);
    let found =
        observe(Operation::ConverseStream, "us.anthropic.claude-sonnet-5", reply, |c| (tokens(c), status(c))).await;
    assert_eq!((found.0[0], &*found.1), (Some(1_000), "estimated"));
}

#[tokio::test]
async fn the_usage_of_the_router_is_compared_with_that_of_the_answer() {
    let router = |input: u64| {
        json!({"promptRouter": {"invokedModelId": format!("arn:aws:bedrock:us-east-1:1:inference-profile/{HAIKU}"),
        "usage": {"inputTokens": input, "outputTokens": 50, "totalTokens": input + 50}}})
    };
    let answer = |usage: Value, trace: Value| {
        Reply::json(
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": "end_turn",
            "usage": usage, "trace": trace}),
        )
    };
    let usage_of_answer = json!({"inputTokens": 1_000, "outputTokens": 50, "totalTokens": 1_050});
    let zeros = json!({"inputTokens": 0, "outputTokens": 0, "totalTokens": 0});
    for (usage, input, expected_status) in
        [(usage_of_answer.clone(), 1_000, "exact"), (zeros, 1_000, "exact"), (usage_of_answer, 9_000, "estimated")]
    {
        let reply = answer(usage.clone(), router(input));
        let found = observe(Operation::Converse, SONNET, reply, |c| (tokens(c), status(c))).await;
        let expected = i64::try_from(input).unwrap();
        assert_eq!((found.0[0], &*found.1), (Some(expected), expected_status), "{usage} {input}");
    }
}

#[tokio::test]
async fn the_tier_in_an_openai_body_is_the_served_tier() {
    let answer = |tier: &str| {
        Reply::json(json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "service_tier": tier,
            "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 1}}))
    };
    let mut costs = Vec::new();
    for tier in ["default", "flex", "priority", "auto"] {
        costs.push(observe(Operation::InvokeModel, "openai.gpt-oss-120b-1:0", answer(tier), picos).await.unwrap());
    }
    assert!(costs[1] < costs[0] && costs[0] < costs[2] && costs[0] == costs[3], "{costs:?}");
}
