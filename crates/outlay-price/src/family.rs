/// A family of models, which share the format of request and response bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// AI21 Jamba and Jurassic.
    Ai21,
    /// Amazon Nova: understanding, creative, speech and embedding models.
    Nova,
    /// Amazon Rerank.
    AmazonRerank,
    /// Amazon Titan.
    Titan,
    /// Anthropic Claude.
    Anthropic,
    /// Cohere Command, Embed and Rerank.
    Cohere,
    /// DeepSeek.
    DeepSeek,
    /// Google Gemma.
    Google,
    /// Meta Llama.
    Llama,
    /// MiniMax.
    MiniMax,
    /// Mistral, Ministral, Magistral, Voxtral and Pixtral.
    Mistral,
    /// Moonshot Kimi.
    Moonshot,
    /// NVIDIA Nemotron.
    Nvidia,
    /// OpenAI GPT.
    OpenAi,
    /// Qwen.
    Qwen,
    /// Stability AI.
    Stability,
    /// TwelveLabs Marengo and Pegasus.
    TwelveLabs,
    /// Writer Palmyra.
    Writer,
    /// xAI Grok.
    Xai,
    /// Z.ai GLM.
    Zai,
    /// Any other family, or one that the id does not name.
    Other,
}

impl Family {
    /// Returns the family of a model id without geo prefix.
    pub(crate) fn of(base_id: &str) -> Self {
        let (vendor, name) = base_id.split_once('.').unwrap_or((base_id, ""));
        match vendor {
            "ai21" => Self::Ai21,
            "amazon" if name.starts_with("nova") => Self::Nova,
            "amazon" if name.starts_with("titan") => Self::Titan,
            "amazon" if name.starts_with("rerank") => Self::AmazonRerank,
            "anthropic" => Self::Anthropic,
            "cohere" => Self::Cohere,
            "deepseek" => Self::DeepSeek,
            "google" => Self::Google,
            "meta" => Self::Llama,
            "minimax" => Self::MiniMax,
            "mistral" => Self::Mistral,
            "moonshot" | "moonshotai" => Self::Moonshot,
            "nvidia" => Self::Nvidia,
            "openai" => Self::OpenAi,
            "qwen" => Self::Qwen,
            "stability" => Self::Stability,
            "twelvelabs" => Self::TwelveLabs,
            "writer" => Self::Writer,
            "xai" => Self::Xai,
            "zai" => Self::Zai,
            _ => Self::Other,
        }
    }

    /// Returns whether an id's label is a known vendor.
    pub(crate) fn is_vendor(label: &str) -> bool {
        label == "amazon" || Self::of(label) != Self::Other
    }
}
