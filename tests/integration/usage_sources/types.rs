//! Counts in any JSON type, invalid counts, and counts that contradict each other.

use bedrock_sim::{Operation, Reply, Tokens};
use outlay_tests::{HAIKU, SONNET};
use serde_json::{Value, json};

use super::{doubt, observe, picos, status, tokens};

const EXACT: i64 = 1_000 * 1_100_000 + 53 * 5_500_000;

/// Returns input and output counts in several JSON types, and whether they can be read.
fn counts() -> Vec<(Value, Value, bool)> {
    vec![
        (json!(1_000), json!(53), true),
        (json!("1000"), json!("53"), true),
        (json!(1_000.0), json!(53.0), true),
        (json!(" 1000.0 "), json!("53.0"), true),
        (json!(1_000), json!("fifty-three"), false),
        (json!(1_000), json!(null), false),
        (json!(1_000), json!({"text": 53}), false),
        (json!(1_000), json!([53]), false),
        (json!(1_000), json!(true), false),
        (json!(1_000), json!(53.5), false),
        (json!(1_000), json!(-53), false),
        (json!(1_000), json!(1e300), false),
        (json!(1_000), json!(""), false),
        (json!(1_000), json!("NaN"), false),
        (json!(1_000), json!("inf"), false),
    ]
}

#[tokio::test]
async fn a_native_count_is_read_in_any_numeric_json_form_and_else_bounded() {
    for (input, output, readable) in counts() {
        let body = json!({"usage": {"input_tokens": input, "output_tokens": output}});
        let case = body.to_string();
        let found = observe(Operation::InvokeModel, HAIKU, Reply::json(body), |c| (picos(c), status(c))).await;
        if readable {
            assert_eq!(found, (Some(EXACT), "exact".to_owned()), "{case}");
        } else {
            assert_eq!(found.1, "bounded", "{case}");
            assert!(found.0 > Some(1_000 * 1_100_000), "{case}");
        }
    }
}

#[tokio::test]
async fn a_converse_count_is_read_in_any_numeric_json_form_and_else_bounded() {
    for (input, output, readable) in counts() {
        let body = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "ok"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": input, "outputTokens": output},
        });
        let case = body.to_string();
        let found = observe(Operation::Converse, HAIKU, Reply::json(body), |c| (picos(c), status(c))).await;
        if readable {
            assert_eq!(found, (Some(EXACT), "exact".to_owned()), "{case}");
        } else {
            assert_eq!(found.1, "bounded", "{case}");
            assert!(found.0 > Some(1_000 * 1_100_000), "{case}");
        }
    }
}

#[tokio::test]
async fn headers_that_are_not_counts_are_ignored() {
    for (value, readable) in [("1000", true), ("1000.0", true), ("", false), ("-1", false), ("many", false)] {
        let reply = Reply::json(json!({}))
            .header("x-amzn-bedrock-input-token-count", value)
            .header("x-amzn-bedrock-output-token-count", "53");
        let found = observe(Operation::InvokeModel, HAIKU, reply, |c| (picos(c), status(c))).await;
        assert_eq!(found.1 == "exact", readable, "{value:?}");
        assert!(found.0 > Some(0), "{value:?}");
    }
}

/// Returns bodies with one unusual field that must not hide the other fields.
fn unusual_bodies() -> Vec<(&'static str, &'static str, Value)> {
    let nova = "us.amazon.nova-lite-v1:0";
    vec![
        (
            "content of another type",
            HAIKU,
            json!({"content": 7, "usage": {"input_tokens": 1_000, "output_tokens": 53}}),
        ),
        (
            "a stop reason of another type",
            HAIKU,
            json!({"stop_reason": {"a": 1}, "usage": {"input_tokens": 1_000, "output_tokens": 53}}),
        ),
        (
            "a message of another type",
            HAIKU,
            json!({"message": "hi", "usage": {"input_tokens": 1_000, "output_tokens": 53}}),
        ),
        (
            "cache_creation of another type",
            HAIKU,
            json!({"usage": {"input_tokens": 1_000, "output_tokens": 53, "cache_creation": 0}}),
        ),
        (
            "choices of another type",
            "openai.gpt-oss-120b-1:0",
            json!({"choices": {}, "usage": {"prompt_tokens": 1_000, "completion_tokens": 53}}),
        ),
        (
            "details that are null",
            "openai.gpt-oss-120b-1:0",
            json!({"usage": {"prompt_tokens": 1_000, "completion_tokens": 53, "prompt_tokens_details": null}}),
        ),
        (
            "Nova's cache under one name",
            nova,
            json!({"usage": {"inputTokens": 1_000, "outputTokens": 53, "cacheReadInputTokens": 0}}),
        ),
        (
            "Nova's cache under both names",
            nova,
            json!({"usage": {"inputTokens": 1_000, "outputTokens": 53, "cacheReadInputTokenCount": 0, "cacheReadInputTokens": 0,
                "cacheWriteInputTokenCount": 0, "cacheWriteInputTokens": 0}}),
        ),
        (
            "reasoning under both names",
            "openai.gpt-oss-120b-1:0",
            json!({"usage": {"prompt_tokens": 1_000, "completion_tokens": 53,
                "completion_tokens_details": {"reasoning_tokens": 5, "thinking_tokens": 5}}}),
        ),
    ]
}

#[tokio::test]
async fn an_unusual_field_does_not_hide_the_counts() {
    for (case, model, body) in unusual_bodies() {
        let found = observe(Operation::InvokeModel, model, Reply::json(body), tokens).await;
        assert_eq!((found[0], found[1]), (Some(1_000), Some(53)), "{case}");
    }
}

#[tokio::test]
async fn reasoning_under_both_names_is_read() {
    let (_, model, body) = unusual_bodies().pop().expect("the list is not empty");
    assert_eq!(observe(Operation::InvokeModel, model, Reply::json(body), tokens).await[4], Some(5));
}

#[tokio::test]
async fn a_total_that_differs_from_the_sum_of_its_parts_makes_the_cost_estimated() {
    for operation in [Operation::Converse, Operation::ConverseStream] {
        let reply = Reply::message().text("ok").usage(Tokens::new(1_000, 53).total(9_999));
        let found = observe(operation, HAIKU, reply, |c| (picos(c), doubt(c), status(c))).await;
        assert_eq!((found.0, &*found.2), (Some(EXACT), "estimated"), "{operation}: the parts are priced");
        assert_eq!(found.1.as_deref(), Some("total: usage says 9999, its parts add up to 1053"), "{operation}");
    }
}

#[tokio::test]
async fn the_total_shows_whether_an_openai_input_on_converse_includes_the_cache() {
    // The stated input, cache reads and total, and the uncached input to price on Converse and on its stream.
    for (input, read, total, [whole, stream]) in [
        (1_000, 800, 1_053, [200, 200]),
        // Measured: the total of the stream includes the cache twice.
        (1_000, 800, 1_853, [1_000, 200]),
        (1_000, 0, 1_053, [1_000, 1_000]),
        (100, 800, 953, [100, 100]),
    ] {
        for (operation, uncached) in [(Operation::Converse, whole), (Operation::ConverseStream, stream)] {
            let used = Tokens::new(input, 53).cache_read(read).total(total);
            let reply = Reply::message().text("ok").usage(used);
            let found = observe(operation, "openai.gpt-oss-120b-1:0", reply, |c| (tokens(c), doubt(c))).await;
            let read = i64::try_from(read).unwrap();
            assert_eq!(found.0[0], Some(uncached + read), "{operation} {input} {read} {total}");
            assert_eq!(found.1.is_some(), whole != uncached, "{operation} {input} {read} {total}");
        }
    }
}

#[tokio::test]
async fn cache_details_that_do_not_add_up_never_price_a_token_twice() {
    let body = |write: u64, details: Value| {
        json!({
            "output": {"message": {"role": "assistant", "content": []}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 0, "outputTokens": 0, "cacheWriteInputTokens": write, "cacheDetails": details},
        })
    };
    let five = 4_125_000;
    let hour = 6_600_000;
    for (write, details, cost) in [
        (1_000, json!([]), 1_000 * five),
        (1_000, json!([{"ttl": "1h", "inputTokens": 1_000}]), 1_000 * hour),
        (1_000, json!([{"ttl": "5m", "inputTokens": 400}, {"ttl": "1h", "inputTokens": 600}]), 400 * five + 600 * hour),
        // Two entries with the same lifetime add up.
        (1_000, json!([{"ttl": "1h", "inputTokens": 500}, {"ttl": "1h", "inputTokens": 500}]), 1_000 * hour),
        (1_000, json!("garbage"), 1_000 * five),
    ] {
        let case = details.to_string();
        let found =
            observe(Operation::Converse, SONNET, Reply::json(body(write, details)), |c| (picos(c), status(c))).await;
        assert_eq!(found, (Some(cost), "exact".to_owned()), "{case}");
    }
    // Tokens without details have the default lifetime and are doubted.
    for (details, cost) in [
        (json!([{"ttl": "1h", "inputTokens": 400}]), 400 * hour + 600 * five),
        (json!([{"ttl": "1h"}]), 1_000 * five),
        (json!([{"ttl": "1h", "inputTokens": 0}]), 1_000 * five),
    ] {
        let reply = Reply::json(body(1_000, details.clone()));
        let found = observe(Operation::Converse, SONNET, reply, |c| (picos(c), status(c))).await;
        assert_eq!(found, (Some(cost), "estimated".to_owned()), "{details}");
    }
}

#[tokio::test]
async fn a_cache_write_without_a_lifetime_is_counted_and_doubted() {
    for details in [
        json!([{"inputTokens": 4_000}]),
        json!([{"ttl": null, "inputTokens": 4_000}]),
        json!([{"ttl": "1h", "inputTokens": -3_000}, {"inputTokens": 4_000}]),
    ] {
        let usage = json!({"inputTokens": 10, "outputTokens": 5, "cacheDetails": details});
        let reply = Reply::json(json!({"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}},
            "stopReason": "end_turn", "usage": usage}));
        let found = observe(Operation::Converse, HAIKU, reply, |c| (tokens(c), status(c))).await;
        assert_eq!((found.0[3], &*found.1), (Some(4_000), "estimated"), "{details}");
    }
}

#[tokio::test]
async fn an_unknown_lifetime_is_never_exact_without_a_doubt() {
    let body = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "ok"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 0, "outputTokens": 0, "cacheWriteInputTokens": 1_000,
            "cacheDetails": [{"ttl": "24h", "inputTokens": 1_000}]},
    });
    let found = observe(Operation::Converse, SONNET, Reply::json(body), |c| (status(c), doubt(c))).await;
    assert!(found.0 != "exact" || found.1.is_some(), "1,000 tokens for 24 hours are exact at the price for 5 minutes");
}

#[tokio::test]
async fn an_impossible_zero_is_unknown_and_a_possible_one_is_exact() {
    for operation in Operation::TURNS {
        let text = || Reply::message().text("some words of text");
        for (reply, input_is_known, output_is_known) in [
            (text().usage(Tokens::new(0, 0)), false, false),
            (text().usage(Tokens::new(0, 53)), false, true),
            (text().usage(Tokens::new(1_000, 0)), true, false),
            (Reply::message().usage(Tokens::new(1_000, 0)), true, true),
        ] {
            let found = observe(operation, HAIKU, reply, |c| (tokens(c), picos(c), status(c), doubt(c))).await;
            let case = format!("{operation} {input_is_known} {output_is_known}: {found:?}");
            assert_eq!(found.0[0] == Some(1_000), input_is_known, "{case}");
            assert!(found.0[0] > Some(0) && found.1 > Some(0), "{case}");
            let is_exact = input_is_known && output_is_known;
            assert_eq!((found.2 == "exact", found.3.is_none()), (is_exact, is_exact), "{case}");
        }
    }
}
