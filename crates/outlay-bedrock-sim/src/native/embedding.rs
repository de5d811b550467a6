//! Embeddings.

use serde_json::{Value, json};

use super::turn::Turn;

/// A placeholder for the embedding.
const VECTOR: [f64; 4] = [0.5, -0.25, 0.125, 0.0];

pub(super) fn titan(turn: &Turn<'_>) -> Value {
    json!({
        "embedding": VECTOR,
        "embeddingsByType": {"float": VECTOR},
        "inputTextTokenCount": turn.tokens.map(|tokens| tokens.input),
    })
}

/// Returns the body of Cohere, which has no token counts. Only the headers report them.
pub(super) fn cohere() -> Value {
    json!({
        "id": "00000000-0000-4000-8000-000000000001",
        "response_type": "embeddings_floats",
        "embeddings": [VECTOR],
    })
}
