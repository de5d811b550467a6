use outlay_price::{CacheUse, CostStatus, Units, Usage};

/// What of a call is billed, as far as its ending tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Billed {
    /// Nothing: it was not sent, or refused before any byte of an answer.
    Nothing,
    /// These tokens, known this surely; nobody counted what else may be billed.
    Tokens(Usage, CostStatus),
    /// These tokens and units and nothing else, known this surely.
    Counted(Usage, Units, CostStatus),
    /// What was counted, and no more than this besides: it was sent, and its end was not seen.
    AtMost {
        /// The tokens that were counted.
        counted: Usage,
        /// Further tokens of input, cached ones included.
        input: u64,
        /// Further tokens of output.
        output: u64,
        /// What of the input may have gone into a cache.
        cache: CacheUse,
        /// Units beside them; `None` where nobody counted.
        units: Option<Units>,
    },
    /// Nobody can say.
    Unknown,
}

impl Billed {
    /// The tokens that were counted, all or some.
    pub(crate) fn counted_tokens(&self) -> Usage {
        match self {
            Self::AtMost { counted, .. } => *counted,
            _ => self.tokens().unwrap_or_default(),
        }
    }

    /// The most tokens that there may be beside those.
    pub(crate) const fn bounded_tokens(&self) -> u64 {
        match self {
            Self::AtMost { input, output, .. } => input.saturating_add(*output),
            _ => 0,
        }
    }

    /// The tokens, where all are known.
    pub(crate) const fn tokens(&self) -> Option<Usage> {
        match self {
            Self::Tokens(usage, _) | Self::Counted(usage, ..) => Some(*usage),
            _ => None,
        }
    }

    /// The units, where they were counted.
    pub(crate) const fn units(&self) -> Option<&Units> {
        match self {
            Self::Counted(_, units, _) => Some(units),
            _ => None,
        }
    }

    /// How sure the counts are, where they are known.
    pub(crate) const fn counted(&self) -> Option<CostStatus> {
        match self {
            Self::Nothing => Some(CostStatus::Exact),
            Self::Tokens(_, status) | Self::Counted(_, _, status) => Some(*status),
            _ => None,
        }
    }
}
