use outlay_bedrock_sim::{BedrockSim, Family, Operation, Reply, Tokens};
use serde_json::{Value, json};

use crate::client::{Answer, Client, HAIKU, native};

/// A model and the JSON pointers to its text and token counts, in the body and in the chunks of a stream.
struct Case {
    model_id: &'static str,
    text: &'static str,
    input: Option<&'static str>,
    output: Option<&'static str>,
    streamed_input: Option<(usize, &'static str)>,
    /// The index is counted from the last chunk.
    streamed_output: Option<(usize, &'static str)>,
}

const CASES: [Case; 8] = [
    Case {
        model_id: "anthropic.claude-3-haiku-20240307-v1:0",
        text: "/content/0/text",
        input: Some("/usage/input_tokens"),
        output: Some("/usage/output_tokens"),
        streamed_input: Some((0, "/message/usage/input_tokens")),
        streamed_output: Some((1, "/usage/output_tokens")),
    },
    Case {
        model_id: "us.amazon.nova-pro-v1:0",
        text: "/output/message/content/0/text",
        input: Some("/usage/inputTokens"),
        output: Some("/usage/outputTokens"),
        streamed_input: None,
        streamed_output: Some((0, "/metadata/usage/outputTokens")),
    },
    Case {
        model_id: "meta.llama3-8b-instruct-v1:0",
        text: "/generation",
        input: Some("/prompt_token_count"),
        output: Some("/generation_token_count"),
        streamed_input: Some((0, "/prompt_token_count")),
        streamed_output: Some((0, "/generation_token_count")),
    },
    Case {
        model_id: "mistral.mistral-7b-instruct-v0:2",
        text: "/outputs/0/text",
        input: None,
        output: None,
        streamed_input: None,
        streamed_output: None,
    },
    Case {
        model_id: "cohere.command-r-v1:0",
        text: "/text",
        input: Some("/meta/billed_units/input_tokens"),
        output: Some("/meta/billed_units/output_tokens"),
        streamed_input: None,
        streamed_output: Some((0, "/response/meta/billed_units/output_tokens")),
    },
    Case {
        model_id: "amazon.titan-text-express-v1",
        text: "/results/0/outputText",
        input: Some("/inputTextTokenCount"),
        output: Some("/results/0/tokenCount"),
        streamed_input: None,
        streamed_output: Some((0, "/totalOutputTextTokenCount")),
    },
    Case {
        model_id: "us.deepseek.r1-v1:0",
        text: "/choices/0/text",
        input: Some("/prompt_token_count"),
        output: Some("/generation_token_count"),
        streamed_input: None,
        streamed_output: Some((0, "/generation_token_count")),
    },
    Case {
        model_id: "qwen.qwen3-32b-v1:0",
        text: "/choices/0/message/content",
        input: Some("/usage/prompt_tokens"),
        output: Some("/usage/completion_tokens"),
        streamed_input: None,
        streamed_output: Some((0, "/usage/completion_tokens")),
    },
];

fn at<'a>(body: &'a Value, pointer: &str) -> &'a Value {
    body.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {body}"))
}

async fn invoke(bedrock: &BedrockSim, model_id: &str) -> Answer {
    Client::connect(bedrock).await.ask(Operation::InvokeModel, model_id).await
}

async fn chunks(bedrock: &BedrockSim, model_id: &str) -> Vec<Value> {
    let answer = Client::connect(bedrock).await.ask(Operation::InvokeModelWithResponseStream, model_id).await;
    assert_eq!(answer.header("x-amzn-bedrock-content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), None);
    answer.messages().iter().map(native).collect()
}

#[tokio::test]
async fn each_family_reports_its_tokens_in_its_own_fields() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.otherwise(|_| Reply::message().text("one two three").usage(Tokens::new(12, 34)).deltas(4));
    for case in CASES {
        let answer = invoke(&bedrock, case.model_id).await;
        let body = answer.json();
        assert_eq!(at(&body, case.text), "one two three", "{}", case.model_id);
        for (pointer, expected) in [(case.input, 12), (case.output, 34)] {
            if let Some(pointer) = pointer {
                assert_eq!(at(&body, pointer), expected, "{}", case.model_id);
            }
        }
        assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), Some("12"));
        assert_eq!(answer.header("x-amzn-bedrock-output-token-count"), Some("34"));

        let chunks = chunks(&bedrock, case.model_id).await;
        if let Some((index, pointer)) = case.streamed_input {
            assert_eq!(at(&chunks[index], pointer), 12, "{}", case.model_id);
        }
        if let Some((back, pointer)) = case.streamed_output {
            assert_eq!(at(&chunks[chunks.len() - 1 - back], pointer), 34, "{}", case.model_id);
        }
        let metrics = json!({
            "inputTokenCount": 12, "outputTokenCount": 34, "invocationLatency": 100, "firstByteLatency": 50,
        });
        assert_eq!(chunks.last().unwrap()["amazon-bedrock-invocationMetrics"], metrics, "{}", case.model_id);
    }
}

#[tokio::test]
async fn cache_tokens_are_in_body_headers_and_metrics() {
    let bedrock = BedrockSim::start().await.unwrap();
    let tokens = Tokens::new(12, 34).cache_read(100).cache_write_5m(7).cache_write_1h(3);
    bedrock.otherwise(move |_| Reply::message().text("x").usage(tokens));

    let answer = invoke(&bedrock, HAIKU).await;
    assert_eq!(
        answer.json()["usage"],
        json!({
            "input_tokens": 12, "output_tokens": 34,
            "cache_read_input_tokens": 100, "cache_creation_input_tokens": 10,
            "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 3},
        })
    );
    assert_eq!(answer.header("x-amzn-bedrock-cache-read-input-token-count"), Some("100"));
    assert_eq!(answer.header("x-amzn-bedrock-cache-write-input-token-count"), Some("10"));
    let last = chunks(&bedrock, HAIKU).await.pop().unwrap();
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["cacheReadInputTokenCount"], 100);
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["cacheWriteInputTokenCount"], 10);

    let nova = invoke(&bedrock, "amazon.nova-lite-v1:0").await.json();
    assert_eq!(nova["usage"]["cacheReadInputTokenCount"], 100);
    let openai = invoke(&bedrock, "openai.gpt-oss-120b-1:0").await.json();
    assert_eq!(openai["usage"]["prompt_tokens"], 122);
    assert_eq!(openai["usage"]["prompt_tokens_details"], json!({"cached_tokens": 100}));
}

#[tokio::test]
async fn token_counts_can_disagree_or_be_missing() {
    let bedrock = BedrockSim::start().await.unwrap();
    let turn = Reply::message().text("x").usage(Tokens::new(12, 53));
    bedrock.push(turn.clone().token_headers(Tokens::new(12, 39)));
    bedrock.push(turn.clone().without_token_headers());
    bedrock.push(turn.clone().invocation_metrics(Tokens::new(12, 39)));
    bedrock.push(turn.without_invocation_metrics());

    assert_eq!(invoke(&bedrock, HAIKU).await.header("x-amzn-bedrock-output-token-count"), Some("39"));
    assert_eq!(invoke(&bedrock, HAIKU).await.header("x-amzn-bedrock-output-token-count"), None);
    let last = chunks(&bedrock, HAIKU).await.pop().unwrap();
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["outputTokenCount"], 39);
    let last = chunks(&bedrock, HAIKU).await.pop().unwrap();
    assert_eq!(last.get("amazon-bedrock-invocationMetrics"), None);
}

#[tokio::test]
async fn tools_reasoning_tier_and_trace_are_returned() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.otherwise(|_| {
        Reply::message()
            .reasoning("Hm.")
            .tool_use("call_1", "weather", json!({"city": "Wien"}))
            .usage(Tokens::new(1, 2).reasoning(1))
            .service_tier("priority")
            .latency_mode("standard")
            .trace(json!({"guardrail": {}}))
    });
    let answer = invoke(&bedrock, HAIKU).await;
    assert_eq!(answer.header("x-amzn-bedrock-service-tier"), Some("priority"));
    assert_eq!(answer.header("x-amzn-bedrock-performanceconfig-latency"), Some("standard"));
    let body = answer.json();
    assert_eq!(body["content"][0]["thinking"], "Hm.");
    assert_eq!(body["content"][1]["input"], json!({"city": "Wien"}));
    assert_eq!(body["stop_reason"], "tool_use");
    assert_eq!(body["amazon-bedrock-trace"], json!({"guardrail": {}}));
    assert_eq!(body["amazon-bedrock-guardrailAction"], "NONE");

    let body = invoke(&bedrock, "openai.gpt-oss-20b-1:0").await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{\"city\":\"Wien\"}");
    assert_eq!(body["usage"]["completion_tokens_details"], json!({"reasoning_tokens": 1}));
}

#[tokio::test]
async fn embeddings_report_input_tokens() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.otherwise(|_| Reply::message().usage(Tokens::new(5, 0)));
    assert_eq!(invoke(&bedrock, "amazon.titan-embed-text-v2:0").await.json()["inputTextTokenCount"], 5);
    let cohere = invoke(&bedrock, "cohere.embed-english-v3").await;
    assert_eq!(cohere.json()["response_type"], "embeddings_floats");
    assert_eq!(cohere.header("x-amzn-bedrock-input-token-count"), Some("5"));
}

#[tokio::test]
async fn raw_bodies_and_chunks_are_sent_unchanged() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock
        .push(Reply::bytes("image/png", &b"\x89PNG"[..]).token_headers(Tokens::new(3, 0)).header("x-more", "1"))
        .push(Reply::chunks([json!({"a": 1}), json!({"b": 2})]));
    let answer = invoke(&bedrock, HAIKU).await;
    assert_eq!(answer.body(), &b"\x89PNG"[..]);
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), Some("3"));
    assert_eq!(answer.header("x-more"), Some("1"));
    assert_eq!(chunks(&bedrock, HAIKU).await, [json!({"a": 1}), json!({"b": 2})]);
}

#[tokio::test]
async fn a_message_can_set_the_family() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("x").family(Family::Llama));
    let arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc";
    assert_eq!(invoke(&bedrock, arn).await.json()["generation"], "x");
}
