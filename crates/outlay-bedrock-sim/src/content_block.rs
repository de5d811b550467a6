use serde::Deserialize;
use serde_json::{Value, json};

/// A content block of an assistant turn.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ContentBlock {
    Text(String),
    Reasoning(String),
    ToolUse { id: String, name: String, input: Value },
}

impl ContentBlock {
    /// Returns the `ContentBlock` shape of Converse.
    pub(crate) fn to_converse(&self) -> Value {
        match self {
            Self::Text(text) => json!({"text": text}),
            Self::Reasoning(text) => json!({"reasoningContent": {"reasoningText": {
                "text": text,
                "signature": SIGNATURE,
            }}}),
            Self::ToolUse { id, name, input } => {
                json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
            }
        }
    }
}

/// The placeholder for the signature of a reasoning block.
pub(crate) const SIGNATURE: &str = "c2ltdWxhdGVk";
