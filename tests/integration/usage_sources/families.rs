//! Usage of InvokeModel by model family: from the native body, the headers, both or neither.

use bedrock_sim::{Message, Operation, Reply, Tokens};
use outlay_tests::HAIKU;
use serde_json::json;

use super::{doubt, observe, picos, source, status, tokens};

/// Models, whether their bodies state the usage, and the cost of 1,000 input and 53 output tokens in pico-dollars.
const MODELS: [(&str, bool, Option<i64>); 12] = [
    (HAIKU, true, Some(1_000 * 1_100_000 + 53 * 5_500_000)),
    ("us.amazon.nova-lite-v1:0", true, Some(1_000 * 60_000 + 53 * 240_000)),
    ("us.meta.llama3-3-70b-instruct-v1:0", true, Some(1_053 * 720_000)),
    ("amazon.titan-text-express-v1", true, Some(1_000 * 200_000 + 53 * 600_000)),
    ("us.deepseek.r1-v1:0", true, Some(1_000 * 1_350_000 + 53 * 5_400_000)),
    ("ai21.jamba-1-5-large-v1:0", true, Some(1_000 * 2_000_000 + 53 * 8_000_000)),
    ("openai.gpt-oss-120b-1:0", true, None),
    ("qwen.qwen3-32b-v1:0", true, None),
    ("deepseek.v3-v1:0", true, None),
    ("mistral.mistral-large-2407-v1:0", true, None),
    ("mistral.mixtral-8x7b-instruct-v0:1", false, Some(1_000 * 450_000 + 53 * 700_000)),
    ("cohere.command-r-plus-v1:0", true, None),
];

fn answer() -> Message {
    Reply::message().text("a word or two").usage(Tokens::new(1_000, 53))
}

const SPENT: [Option<i64>; 5] = [Some(1_000), Some(53), None, None, None];

#[tokio::test]
async fn body_and_headers_that_agree_are_exact_and_not_doubted() {
    for (model, _, cost) in MODELS {
        let found = observe(Operation::InvokeModel, model, answer(), |c| (tokens(c), picos(c), doubt(c))).await;
        assert_eq!((found.0, found.2), (SPENT, None), "{model}");
        if cost.is_some() {
            assert_eq!(found.1, cost, "{model}");
        }
    }
}

#[tokio::test]
async fn the_headers_suffice() {
    for (model, _, cost) in MODELS {
        let reply = answer().without_usage().token_headers(Tokens::new(1_000, 53));
        let found = observe(Operation::InvokeModel, model, reply, |c| (tokens(c), picos(c), status(c))).await;
        assert_eq!(found.0, SPENT, "{model}");
        if cost.is_some() {
            assert_eq!((found.1, &*found.2), (cost, "exact"), "{model}");
        }
    }
}

#[tokio::test]
async fn a_body_that_states_the_usage_suffices() {
    for (model, has_usage, cost) in MODELS {
        let found = observe(Operation::InvokeModel, model, answer().without_token_headers(), |c| {
            (tokens(c), picos(c), status(c))
        })
        .await;
        if has_usage {
            assert_eq!(found.0, SPENT, "{model}");
            if cost.is_some() {
                assert_eq!((found.1, &*found.2), (cost, "exact"), "{model}");
            }
        } else {
            assert!(matches!(&*found.2, "bounded" | "unpriced"), "{model}: {}", found.2);
        }
    }
}

#[tokio::test]
async fn a_call_without_body_usage_and_headers_is_bounded_or_unpriced_and_never_zero() {
    for (model, _, cost) in MODELS {
        let reply = answer().without_usage().without_token_headers();
        let found = observe(Operation::InvokeModel, model, reply, |c| (tokens(c), picos(c), status(c))).await;
        assert_eq!(found.0, [None; 5], "{model}: no tokens are invented");
        match &*found.2 {
            "bounded" => assert!(found.1 >= cost, "{model}: {:?} is not a bound of {cost:?}", found.1),
            "unpriced" => assert_eq!(found.1, None, "{model}"),
            other => panic!("{model}: {other}"),
        }
    }
}

#[tokio::test]
async fn the_body_takes_precedence_over_the_headers_and_a_difference_makes_the_cost_estimated() {
    for (model, has_usage, _) in MODELS {
        let reply = answer().token_headers(Tokens::new(990, 39));
        let (tokens, doubt_of_call, source, status) =
            observe(Operation::InvokeModel, model, reply, |c| (tokens(c), doubt(c), source(c), status(c))).await;
        if has_usage {
            assert_eq!(tokens, SPENT, "{model}");
            let expected = "input: body says 1000, headers 990; output: body says 53, headers 39";
            assert_eq!((doubt_of_call.as_deref(), source.as_deref()), (Some(expected), Some("body")), "{model}");
            assert!(matches!(&*status, "estimated" | "unpriced"), "{model}: {status}");
        } else {
            assert_eq!(tokens, [Some(990), Some(39), None, None, None], "{model}");
            assert_eq!((doubt_of_call, source), (None, None), "{model}");
        }
    }
}

#[tokio::test]
async fn a_count_missing_from_the_body_comes_from_the_headers() {
    let body = json!({"type": "message", "content": [], "usage": {"output_tokens": 53}});
    let reply = Reply::json(body).token_headers(Tokens::new(1_000, 39).cache_read(7));
    let found = observe(Operation::InvokeModel, HAIKU, reply, |c| (tokens(c), status(c), doubt(c))).await;
    assert_eq!(found.0, [Some(1_007), Some(53), Some(7), None, None]);
    assert_eq!(found.1, "estimated");
    assert_eq!(found.2.as_deref(), Some("output: body says 53, headers 39"));
}

#[tokio::test]
async fn incomplete_usage_is_bounded_and_no_less_than_the_known_part() {
    let cases = [
        (json!({"usage": {"input_tokens": 1_000}}), 1_000 * 1_100_000),
        (json!({"usage": {"output_tokens": 53}}), 53 * 5_500_000),
        (json!({"usage": {"input_tokens": null, "output_tokens": 53}}), 53 * 5_500_000),
        (json!({"usage": {"input_tokens": 1_000, "output_tokens": -1}}), 1_000 * 1_100_000),
        (json!({"usage": {"cache_read_input_tokens": 1_000}}), 1_000 * 110_000),
    ];
    for (body, min) in cases {
        let case = body.to_string();
        let found = observe(Operation::InvokeModel, HAIKU, Reply::json(body), |c| (picos(c), status(c))).await;
        assert_eq!(found.1, "bounded", "{case}");
        assert!(found.0 >= Some(min), "{case}: {:?}", found.0);
    }
}

#[tokio::test]
async fn cache_reads_and_writes_are_separate_in_every_family_that_has_them() {
    let used = Tokens::new(1_000, 53).cache_read(20_000).cache_write(4_000);
    let expected = [Some(25_000), Some(53), Some(20_000), Some(4_000), None];
    for model in [HAIKU, "us.amazon.nova-lite-v1:0"] {
        for reply in [
            Reply::from(answer().usage(used)),
            answer().usage(used).without_token_headers(),
            answer().without_usage().token_headers(used),
        ] {
            let found = observe(Operation::InvokeModel, model, reply, |c| (tokens(c), status(c))).await;
            assert_eq!((found.0, &*found.1), (expected, "exact"), "{model}");
        }
    }
}

#[tokio::test]
async fn cache_writes_of_an_anthropic_body_are_priced_by_lifetime() {
    let used = Tokens::new(1_000, 53).cache_write_5m(1_000).cache_write_1h(3_000);
    let cost = 1_000 * 1_100_000 + 53 * 5_500_000 + 1_000 * 1_375_000 + 3_000 * 2_200_000;
    for operation in Operation::TURNS {
        let found = observe(operation, HAIKU, answer().usage(used), |c| (tokens(c), picos(c), doubt(c))).await;
        assert_eq!(found.0, [Some(5_000), Some(53), None, Some(4_000), None], "{operation}");
        assert_eq!((found.1, found.2), (Some(cost), None), "{operation}");
    }
}

#[tokio::test]
async fn an_openai_prompt_includes_its_cache_and_its_reasoning_counts_once() {
    let used = Tokens::new(1_000, 500).cache_read(800).reasoning(450);
    for operation in [Operation::InvokeModel, Operation::InvokeModelWithResponseStream] {
        let found =
            observe(operation, "openai.gpt-oss-120b-1:0", answer().usage(used), |c| (tokens(c), doubt(c))).await;
        assert_eq!(found.0, [Some(1_800), Some(500), Some(800), None, Some(450)], "{operation}");
        assert_eq!(found.1, None, "{operation}");
    }
}

#[tokio::test]
async fn embeddings_need_no_output_count() {
    let titan = "amazon.titan-embed-text-v2:0";
    for reply in [
        Reply::from(Reply::message().usage(Tokens::new(1_000, 0))),
        Reply::message().usage(Tokens::new(1_000, 0)).without_token_headers(),
        Reply::json(json!({"embedding": [0.5]})).header("x-amzn-bedrock-input-token-count", "1000"),
    ] {
        let found = observe(Operation::InvokeModel, titan, reply, |c| (picos(c), status(c), c.name().to_owned())).await;
        assert_eq!(found, (Some(1_000 * 20_000), "exact".to_owned(), format!("embeddings {titan}")));
    }
    let cohere = Reply::message().usage(Tokens::new(1_000, 0));
    let found = observe(Operation::InvokeModel, "cohere.embed-english-v3", cohere, |c| (picos(c), status(c))).await;
    assert_eq!(found, (Some(1_000 * 100_000), "exact".to_owned()));
    // Without counts an embedding is bounded by its input alone.
    let silent = Reply::json(json!({"embedding": [0.5]}));
    let found = observe(Operation::InvokeModel, titan, silent, |c| (picos(c), status(c))).await;
    assert_eq!(found.1, "bounded");
    assert!(found.0.is_some_and(|picos| picos > 0 && picos < 2_000 * 20_000), "{found:?}");
}
