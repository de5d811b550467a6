//! Bounds and estimates the input tokens of a request before it is sent.
//!
//! A budget's reservation and the settlement of an unanswered call use the same figure. It is read from the typed
//! input, or from a native body that is JSON ([`body_prompt`]). A token of text is at least one byte, so the bytes of
//! a text are its bound. Models scale images, so an image counts the same whatever its size in bytes. A page of a
//! document is read as text and as an image. Content in S3 cannot be seen from here. The figures below are generous,
//! and are documented with [`Budget`](outlay_ledger::Budget).

use aws_smithy_types::body::SdkBody;
use outlay_otel::PromptTokens;

mod body_prompt;
mod converse_prompt;

pub(crate) use body_prompt::of_body;
pub(crate) use converse_prompt::Prompt;

/// What a provider adds to a prompt: its own system prompt for tools, and marks around turns.
const OVERHEAD: u64 = 1_024;
/// The part of it that most requests have.
const LIKELY_OVERHEAD: u64 = 16;
/// The maximum number of tokens for an attachment. No model that reads documents or videos accepts more.
const MAX_ATTACHMENT: u64 = 1_000_000;
/// The size that is assumed for an attachment in S3.
const REMOTE: Size = Size::beside(300_000, 20_000);

/// Returns the size of a body that an interceptor has put in place of the serialized one.
pub(crate) fn of_replaced(body: &SdkBody) -> Size {
    match (body.bytes(), body.content_length()) {
        (Some(bytes), _) => of_body(bytes),
        (None, Some(length)) => Size::text(length).in_request(),
        // Nothing is known about the body.
        (None, None) => REMOTE.in_request(),
    }
}

/// The size that is assumed for a speech session, which has no input yet when it begins. A budget assumes the same
/// for the output of a call that sets no maximum.
pub(crate) const SPEECH_SESSION: Size = Size::beside(4_096, 4_096);

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
enum Medium {
    Image,
    Document,
    Video,
    Audio,
}

impl Size {
    const fn beside(most: u64, likely: u64) -> Self {
        Self { text: 0, most, likely }
    }

    const fn text(bytes: u64) -> Self {
        Self { text: bytes, most: 0, likely: 0 }
    }

    fn of_text(text: &str) -> Self {
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
    const fn in_request(self) -> Self {
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
    const fn attached(medium: Medium, bytes: u64) -> Self {
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
