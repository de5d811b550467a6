use outlay_ledger::Budget;
use outlay_otel::PromptTokens;

/// What a provider adds to a prompt: its own system prompt for tools, and marks around turns.
pub(super) const OVERHEAD: u64 = 1_024;
/// The part of it that most requests have.
const LIKELY_OVERHEAD: u64 = 16;
/// The maximum number of tokens for an attachment. No model that reads documents or videos accepts more.
const MAX_ATTACHMENT: u64 = 1_000_000;
/// The size that is assumed for an attachment in S3.
pub(super) const REMOTE: Size = Size::beside(300_000, 20_000);

/// The size that is assumed for a speech session, which has no input yet when it begins. A budget assumes the same
/// for the output of a call that sets no maximum.
pub(crate) const SPEECH_SESSION: Size = Size::beside(Budget::DEFAULT_ASSUMED_OUTPUT, Budget::DEFAULT_ASSUMED_OUTPUT);

/// The known size of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Bytes of text.
    text: u64,
    /// The maximum number of tokens that are not text.
    most: u64,
    /// The likely number of those tokens.
    likely: u64,
}

/// A kind of attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Image,
    Document,
    Video,
    Audio,
}

impl Size {
    pub(super) const fn beside(most: u64, likely: u64) -> Self {
        Self { text: 0, most, likely }
    }

    pub(super) const fn text(bytes: u64) -> Self {
        Self { text: bytes, most: 0, likely: 0 }
    }

    pub(super) fn of_text(text: &str) -> Self {
        Self::text(text.len() as u64)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            text: self.text.saturating_add(other.text),
            most: self.most.saturating_add(other.most),
            likely: self.likely.saturating_add(other.likely),
        }
    }

    /// Adds the overhead of a request.
    pub(super) const fn in_request(self) -> Self {
        self.and(Self::beside(OVERHEAD, LIKELY_OVERHEAD))
    }

    /// Returns the larger of two readings.
    pub(crate) fn max(self, other: Self) -> Self {
        if other.most_tokens() > self.most_tokens() { other } else { self }
    }

    /// Returns the maximum number of tokens: no text has more tokens than bytes.
    pub(crate) const fn most_tokens(self) -> u64 {
        self.text.saturating_add(self.most)
    }

    /// Returns the maximum and likely number of tokens for a model.
    pub(crate) fn tokens(self, model: &str) -> PromptTokens {
        PromptTokens::new(model, self.text, self.most, self.likely)
    }

    /// Returns the size of an attachment of `bytes` bytes.
    pub(super) const fn attached(medium: Medium, bytes: u64) -> Self {
        let (most, likely) = match medium {
            Medium::Image => return Self::beside(6_000, 2_000),
            // Compressed text comes to more than a quarter of its bytes in tokens, but at most to twice its bytes.
            // The image of a page is added.
            Medium::Document => (bytes.saturating_mul(2), bytes / 16),
            Medium::Video => (bytes, bytes / 256),
            Medium::Audio => (bytes / 32, bytes / 256),
        };
        let (most, likely) = (most.saturating_add(20_000), likely.saturating_add(2_000));
        let most = if most < MAX_ATTACHMENT { most } else { MAX_ATTACHMENT };
        Self::beside(most, if likely < most { likely } else { most })
    }
}
