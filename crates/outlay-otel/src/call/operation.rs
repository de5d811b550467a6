/// What a call does, by its semantic-convention name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A conversation, or a completion of text.
    Chat,
    /// Texts or images to vectors.
    Embeddings,
    /// Images, video or speech.
    GenerateContent,
    /// Documents by relevance.
    Rerank,
    /// A guardrail on its own.
    ApplyGuardrail,
    /// How many tokens a request would have: free.
    CountTokens,
    /// What became of a job: free.
    GetAsyncInvoke,
    /// Which jobs there are: free.
    ListAsyncInvokes,
}

impl Operation {
    /// The name, as in `gen_ai.operation.name`.
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

    /// Whether AWS bills nothing for it: it has a span, and is no model call in the books.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountTokens | Self::GetAsyncInvoke | Self::ListAsyncInvokes)
    }

    /// Whether it is asked of a model, by whose name its span goes.
    pub(crate) const fn has_model(self) -> bool {
        !matches!(self, Self::ApplyGuardrail | Self::GetAsyncInvoke | Self::ListAsyncInvokes)
    }

    /// Whether it costs what its model does.
    pub(crate) const fn has_model_price(self) -> bool {
        self.has_model() && !self.is_free()
    }
}
