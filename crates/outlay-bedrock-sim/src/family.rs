use serde::Deserialize;

/// A model family, distinguished by the format of its native bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Family {
    /// Anthropic Messages.
    Anthropic,
    /// AI21 Jamba.
    Ai21,
    /// Cohere Command R.
    Cohere,
    /// Cohere embeddings.
    CohereEmbed,
    /// DeepSeek R1 with text completion.
    DeepSeekR1,
    /// Meta Llama.
    Llama,
    /// The Mistral models with text completion.
    Mistral,
    /// Amazon Nova.
    Nova,
    /// OpenAI-style chat completions: OpenAI, Qwen, DeepSeek V3 and most other models.
    OpenAi,
    /// Amazon Titan Text.
    Titan,
    /// Amazon Titan embeddings.
    TitanEmbed,
}

impl Family {
    /// Returns the family that a model id, an inference profile id or an ARN names.
    ///
    /// Returns [`OpenAi`](Self::OpenAi) if it names none, because most newer models use that format.
    #[must_use]
    pub fn of_model(model_id: &str) -> Self {
        const NAMES: [(&str, Family); 15] = [
            ("anthropic.", Family::Anthropic),
            ("amazon.nova", Family::Nova),
            ("amazon.titan-embed", Family::TitanEmbed),
            ("amazon.titan", Family::Titan),
            ("meta.llama", Family::Llama),
            ("cohere.embed", Family::CohereEmbed),
            ("cohere.", Family::Cohere),
            ("ai21.", Family::Ai21),
            ("deepseek.r1", Family::DeepSeekR1),
            ("mistral.mistral-7b", Family::Mistral),
            ("mistral.mixtral", Family::Mistral),
            ("mistral.mistral-small-2402", Family::Mistral),
            ("mistral.mistral-large-2402", Family::Mistral),
            ("claude", Family::Anthropic),
            ("llama", Family::Llama),
        ];
        let found = NAMES.iter().find(|(name, _)| model_id.contains(name));
        found.map_or(Self::OpenAi, |(_, family)| *family)
    }
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn finds_family_in_model_id() {
        for (model_id, family) in [
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Family::Anthropic),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", Family::Nova),
            ("amazon.titan-text-express-v1", Family::Titan),
            ("amazon.titan-embed-text-v2:0", Family::TitanEmbed),
            ("us.meta.llama3-3-70b-instruct-v1:0", Family::Llama),
            ("cohere.command-r-plus-v1:0", Family::Cohere),
            ("cohere.embed-english-v3", Family::CohereEmbed),
            ("ai21.jamba-1-5-large-v1:0", Family::Ai21),
            ("us.deepseek.r1-v1:0", Family::DeepSeekR1),
            ("deepseek.v3-v1:0", Family::OpenAi),
            ("qwen.qwen3-32b-v1:0", Family::OpenAi),
            ("openai.gpt-oss-120b-1:0", Family::OpenAi),
            ("mistral.mixtral-8x7b-instruct-v0:1", Family::Mistral),
            ("mistral.pixtral-large-2502-v1:0", Family::OpenAi),
            ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc", Family::OpenAi),
        ] {
            assert_eq!(Family::of_model(model_id), family, "{model_id}");
        }
    }
}
