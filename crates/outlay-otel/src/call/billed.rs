use outlay_price::{CacheUse, CostStatus, Units, Usage};

/// The billed usage of a call, as known at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Billed {
    /// Nothing: the call was not sent, or was refused before any byte of an answer.
    Nothing,
    /// These tokens, with the status of their counts. Other billed units were not counted.
    Tokens(Usage, CostStatus),
    /// These tokens and units and nothing else, with the status of their counts.
    Counted(Usage, Units, CostStatus),
    /// The counted tokens, and at most these further tokens and units: the call was sent, but its end was not seen.
    AtMost {
        /// The counted tokens.
        counted: Usage,
        /// The maximum number of further input tokens, including cached ones.
        input: u64,
        /// The maximum number of further output tokens.
        output: u64,
        /// How the request may have used the cache.
        cache: CacheUse,
        /// The units besides the tokens; `None` if they were not counted.
        units: Option<Units>,
    },
    /// The usage is unknown.
    Unknown,
}

/// The tokens of a call that were counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownTokens {
    pub(crate) usage: Usage,
    /// All input tokens, including cached ones; `None` if they were not counted.
    pub(crate) input: Option<u64>,
    /// All output tokens; `None` if they were not counted.
    pub(crate) output: Option<u64>,
}

impl Billed {
    /// Returns the counted tokens, which may not be all.
    pub(crate) fn counted_tokens(&self) -> Usage {
        match self {
            Self::AtMost { counted, .. } => *counted,
            _ => self.tokens().unwrap_or_default(),
        }
    }

    /// Returns the tokens as spans and the conventions' metrics show them: input and output, each `None` if it was not
    /// counted. Bounds are not counts, and what is billed by units alone has no tokens.
    pub(crate) fn shown_tokens(&self) -> Option<ShownTokens> {
        let is_counted = |tokens: u64| (tokens > 0).then_some(tokens);
        let (usage, input, output) = match self {
            Self::Tokens(_, CostStatus::Bounded) => return None,
            Self::Counted(usage, units, _) if usage.is_empty() && !units.is_empty() => return None,
            Self::Tokens(usage, _) | Self::Counted(usage, ..) => {
                (usage, Some(usage.input_tokens()), Some(usage.output_tokens()))
            }
            Self::AtMost { counted, .. } if !counted.is_empty() => {
                (counted, is_counted(counted.input_tokens()), is_counted(counted.output_tokens()))
            }
            Self::AtMost { .. } | Self::Nothing | Self::Unknown => return None,
        };
        Some(ShownTokens { usage: *usage, input, output })
    }

    /// Returns the maximum number of tokens besides the counted ones.
    pub(crate) const fn bounded_tokens(&self) -> u64 {
        match self {
            Self::AtMost { input, output, .. } => input.saturating_add(*output),
            _ => 0,
        }
    }

    /// Returns the tokens if all of them are known.
    pub(crate) const fn tokens(&self) -> Option<Usage> {
        match self {
            Self::Tokens(usage, _) | Self::Counted(usage, ..) => Some(*usage),
            _ => None,
        }
    }

    /// Returns the units if they were counted.
    pub(crate) const fn units(&self) -> Option<&Units> {
        match self {
            Self::Counted(_, units, _) => Some(units),
            _ => None,
        }
    }

    /// Returns the status of the counts, if they are known.
    pub(crate) const fn count_status(&self) -> Option<CostStatus> {
        match self {
            Self::Nothing => Some(CostStatus::Exact),
            Self::Tokens(_, status) | Self::Counted(_, _, status) => Some(*status),
            _ => None,
        }
    }
}
