use outlay_price::{CacheUse, CostStatus, Usage};

/// What of a call is billed, as far as its ending tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Billed {
    /// Nothing: it was not sent, or refused before any byte of an answer.
    Nothing,
    /// These tokens, known this surely.
    Tokens(Usage, CostStatus),
    /// No more than this: it was sent, and its end was not seen.
    AtMost {
        /// Tokens of input, cached ones included.
        input: u64,
        /// Tokens of output.
        output: u64,
        /// What of the input may have gone into a cache.
        cache: CacheUse,
    },
    /// Nobody can say.
    Unknown,
}

impl Billed {
    /// The tokens, where they are known.
    pub(crate) const fn tokens(&self) -> Option<Usage> {
        match self {
            Self::Tokens(usage, _) => Some(*usage),
            _ => None,
        }
    }
}
