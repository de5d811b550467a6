//! The native response bodies of InvokeModel, by model family.

mod anthropic;
mod cohere;
mod deepseek;
mod embedding;
mod llama;
mod mistral;
mod nova;
mod openai;
mod titan;
mod turn;

use serde_json::Value;

use crate::family::Family;
use crate::message::Message;
use turn::Turn;

/// Returns the body of InvokeModel.
pub(crate) fn body(message: &Message, model_id: &str) -> Value {
    let turn = &Turn::new(message, model_id);
    match message.family_or_default(model_id) {
        Family::Anthropic => anthropic::body(turn),
        Family::Ai21 | Family::OpenAi => openai::body(turn),
        Family::Cohere => cohere::body(turn),
        Family::CohereEmbed => embedding::cohere(),
        Family::DeepSeekR1 => deepseek::body(turn),
        Family::Llama => llama::body(turn),
        Family::Mistral => mistral::body(turn),
        Family::Nova => nova::body(turn),
        Family::Titan => titan::body(turn),
        Family::TitanEmbed => embedding::titan(turn),
    }
}

/// Returns the chunks of InvokeModelWithResponseStream without the invocation metrics.
///
/// Embeddings are a single chunk.
pub(crate) fn chunks(message: &Message, model_id: &str) -> Vec<Value> {
    let turn = &Turn::new(message, model_id);
    match message.family_or_default(model_id) {
        Family::Anthropic => anthropic::chunks(turn),
        Family::Ai21 | Family::OpenAi => openai::chunks(turn),
        Family::Cohere => cohere::chunks(turn),
        Family::DeepSeekR1 => deepseek::chunks(turn),
        Family::Llama => llama::chunks(turn),
        Family::Mistral => mistral::chunks(turn),
        Family::Nova => nova::chunks(turn),
        Family::Titan => titan::chunks(turn),
        Family::CohereEmbed | Family::TitanEmbed => vec![body(message, model_id)],
    }
}
