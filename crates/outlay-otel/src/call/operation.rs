/// The operation of a call, as named by the semantic conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A conversation or a text completion.
    Chat,
    /// Embeddings of texts or images.
    Embeddings,
    /// Generation of images, video or speech.
    GenerateContent,
    /// Ranking of documents by relevance.
    Rerank,
    /// A guardrail without a model.
    ApplyGuardrail,
    /// The token count of a request. Free.
    CountTokens,
    /// The state of a job. Free.
    GetAsyncInvoke,
    /// The list of jobs. Free.
    ListAsyncInvokes,
}

impl Operation {
    /// Returns the name, as in `gen_ai.operation.name`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::Rerank => "rerank",
            Self::ApplyGuardrail => "apply_guardrail",
            Self::CountTokens => "count_tokens",
            Self::GetAsyncInvoke => "get_async_invoke",
            Self::ListAsyncInvokes => "list_async_invokes",
        }
    }

    /// Returns whether AWS bills nothing for the operation. It has a span, but the ledger does not count it as a model
    /// call.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountTokens | Self::GetAsyncInvoke | Self::ListAsyncInvokes)
    }

    /// Returns whether a model generates an answer.
    pub(crate) const fn is_inference(self) -> bool {
        matches!(self, Self::Chat | Self::GenerateContent)
    }

    /// Returns whether the operation has a model, which is then in the span's name.
    pub(crate) const fn has_model(self) -> bool {
        !matches!(self, Self::ApplyGuardrail | Self::GetAsyncInvoke | Self::ListAsyncInvokes)
    }

    /// Returns whether the operation has the price of its model.
    pub(crate) const fn has_model_price(self) -> bool {
        self.has_model() && !self.is_free()
    }
}
