use outlay_price::Family;

use super::super::cache_in_input::AnswerKind;
use super::*;

/// Family, body, and the expected input, output, cache read, cache write and reasoning.
type Case = (&'static str, &'static str, [Option<u64>; 5]);

const CASES: [Case; 12] = [
    (
        "Anthropic",
        r#"{"type":"message","content":[{"type":"text","text":"usage"}],"stop_reason":"end_turn","usage":{
            "input_tokens":10,"cache_creation_input_tokens":7,"cache_read_input_tokens":5,"output_tokens":3,
            "cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":3},
            "output_tokens_details":{"thinking_tokens":2}}}"#,
        [Some(10), Some(3), Some(5), Some(7), Some(2)],
    ),
    (
        "Nova",
        r#"{"output":{"message":{}},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":3,
            "totalTokens":18,"cacheReadInputTokenCount":5,"cacheWriteInputTokenCount":0}}"#,
        [Some(10), Some(3), Some(5), Some(0), None],
    ),
    (
        "Llama",
        r#"{"generation":"x","prompt_token_count":10,"generation_token_count":3,"stop_reason":"stop"}"#,
        [Some(10), Some(3), None, None, None],
    ),
    (
        "OpenAI",
        r#"{"choices":[{"finish_reason":"stop","message":{}}],"usage":{"prompt_tokens":15,"completion_tokens":3,
            "prompt_tokens_details":{"cached_tokens":5},"completion_tokens_details":{"reasoning_tokens":2}}}"#,
        [Some(10), Some(3), Some(5), None, Some(2)],
    ),
    (
        "DeepSeek V3",
        r#"{"choices":[{"stop_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3}}"#,
        [Some(10), Some(3), None, None, None],
    ),
    (
        "Qwen, as text",
        r#"{"choices":[],"usage":{"prompt_tokens":"10","completion_tokens":"3"}}"#,
        [Some(10), Some(3), None, None, None],
    ),
    (
        "Titan text",
        r#"{"inputTextTokenCount":10,"results":[{"tokenCount":2,"completionReason":"FINISH"},{"tokenCount":1}]}"#,
        [Some(10), Some(3), None, None, None],
    ),
    ("Titan embeddings", r#"{"embedding":[0.1,0.2],"inputTextTokenCount":10}"#, [Some(10), None, None, None, None]),
    ("Cohere, which leaves it to the headers", r#"{"text":"x","finish_reason":"COMPLETE"}"#, [None; 5]),
    ("Mistral", r#"{"outputs":[{"text":"x","stop_reason":"stop"}]}"#, [None; 5]),
    (
        "a usage of the wrong type",
        r#"{"usage":{"input_tokens":{},"output_tokens":3.0}}"#,
        [None, Some(3), None, None, None],
    ),
    ("no JSON", "<html>", [None; 5]),
];

#[test]
fn each_family_is_read_by_its_own_names() {
    for (family, body, expected) in CASES {
        let (c, _) = read_native(body.as_bytes()).usage.counts(AnswerKind::Native, Family::Other);
        assert_eq!([c.input, c.output, c.cache_read, c.cache_write, c.reasoning], expected, "{family}");
    }
}

#[test]
fn an_anthropic_stream_adds_up_over_its_chunks() {
    let mut all = NativeAnswer::default();
    let chunks = [
        r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":42}}"#,
    ];
    for chunk in chunks {
        all.merge(read_native(chunk.as_bytes()));
    }
    let (counts, _) = all.usage.counts_since(&all.at_start, AnswerKind::Native, Family::Anthropic);
    assert_eq!((counts.input, counts.output, counts.cache_read), (Some(10), Some(42), Some(5)));
    let last = read_native(
        br#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":39}}"#,
    );
    assert!(last.stopped);
    assert_eq!(last.metrics.counts(AnswerKind::Native, Family::Anthropic).0.output, Some(39));
}
