//! Measures the model's output in an answer that does not count it.

use serde_json::Value;

/// The members that hold a model's output, whole or as a delta: text, reasoning and tool calls. The most frequent
/// come first.
pub(crate) const TEXTS: [&str; 17] = [
    "text",
    "partial_json",
    "generation",
    "outputText",
    "content",
    "thinking",
    "reasoning_content",
    "reasoning",
    "refusal",
    "arguments",
    "input",
    "delta",
    "completion",
    "output_text",
    "parameters",
    "transcript",
    "redactedContent",
];

/// Returns the bytes of text, reasoning and tool calls in a whole answer, or 0 if there are none or it is not JSON.
pub(crate) fn answer_text_bytes(json: &[u8]) -> u64 {
    serde_json::from_slice(json).map_or(0, |answer: Value| in_value(&answer))
}

fn in_value(value: &Value) -> u64 {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| in_member(name, value)).sum(),
        Value::Array(items) => items.iter().map(in_value).sum(),
        _ => 0,
    }
}

fn in_member(name: &str, value: &Value) -> u64 {
    match value {
        Value::String(text) if TEXTS.contains(&name) => text.len() as u64,
        // A tool's input is JSON that the model wrote, whatever its members are called.
        Value::Object(_) if matches!(name, "input" | "arguments" | "parameters") => value.to_string().len() as u64,
        _ => in_value(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_tool_calls_of_each_family_count_and_names_do_not() {
        for (json, bytes) in [
            (r#"{"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn"}"#, 5),
            (r#"{"content":[{"type":"text","text":"hi"},{"type":"tool_use","name":"f","input":{"a":1}}]}"#, 2 + 7),
            (r#"{"choices":[{"message":{"role":"assistant","content":"hello"}}]}"#, 5),
            (r#"{"generation":"hello","stop_reason":"stop"}"#, 5),
            (r#"{"results":[{"outputText":"hello"}]}"#, 5),
            (r#"{"outputs":[{"text":"hello"}]}"#, 5),
            (r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"hello"}]}]}"#, 5),
            (r#"{"embedding":[0.1]}"#, 0),
            ("no JSON", 0),
        ] {
            assert_eq!(answer_text_bytes(json.as_bytes()), bytes, "{json}");
        }
    }
}
