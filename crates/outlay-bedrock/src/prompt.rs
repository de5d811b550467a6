//! How many tokens the input of a request can have, and how many it is likely to have, before it is sent.
//!
//! There is one figure for what a budget reserves and for what an unanswered call settles at. It is read from the typed
//! input, or from a native body that is JSON ([`body`]). A token of text is at least one byte, so text bounds itself. An
//! image is scaled to what the models take, so that it counts the same whatever its size in bytes; a page of a document is
//! read as text and as image; what lies in S3 cannot be seen from here. The figures below are generous, and documented
//! with [`Budget`](outlay_ledger::Budget)s.

use aws_smithy_types::body::SdkBody;
use outlay_otel::PromptTokens;

mod body_prompt;
mod converse_prompt;

pub(crate) use body_prompt::of_body;
pub(crate) use converse_prompt::Prompt;

/// What a provider puts around a prompt: its own system prompt for tools, and the turns' marks.
const OVERHEAD: u64 = 1_024;
/// The part of it that is there in most requests.
const LIKELY_OVERHEAD: u64 = 16;
/// The most that an attachment is taken for: no model that reads documents or videos has room for more.
const MOST_OF_ATTACHMENT: u64 = 1_000_000;
/// What an attachment in S3 is taken for.
const REMOTE: Size = Size::beside(300_000, 20_000);

/// Returns the size of a body that an interceptor has put in the place of the serialized one.
pub(crate) fn of_replaced(body: &SdkBody) -> Size {
    match (body.bytes(), body.content_length()) {
        (Some(bytes), _) => of_body(bytes),
        (None, Some(length)) => Size::text(length).in_request(),
        // Nothing is known of it.
        (None, None) => REMOTE.in_request(),
    }
}

/// A speech session has no input yet when it begins: so many tokens are taken for it, as many as a budget assumes for
/// the output of a call that sets no maximum.
pub(crate) const SESSION: Size = Size::beside(4_096, 4_096);

/// What is known of the size of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Bytes of text.
    text: u64,
    /// The most tokens of what is no text.
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

    /// With what stands around every prompt.
    const fn in_request(self) -> Self {
        self.and(Self::beside(OVERHEAD, LIKELY_OVERHEAD))
    }

    /// The most of both, where one of two readings holds.
    pub(crate) fn max(self, other: Self) -> Self {
        if other.most_tokens() > self.most_tokens() { other } else { self }
    }

    /// The most tokens that it can be: no text has more tokens than bytes.
    pub(crate) const fn most_tokens(self) -> u64 {
        self.text.saturating_add(self.most)
    }

    /// The tokens that it can be for a model, at most and likely.
    pub(crate) fn tokens(self, model: &str) -> PromptTokens {
        PromptTokens::new(model, self.text, self.most, self.likely)
    }

    /// An attachment of so many bytes.
    const fn attached(medium: Medium, bytes: u64) -> Self {
        let (most, likely) = match medium {
            Medium::Image => return Self::beside(6_000, 2_000),
            // Compressed text comes to more tokens than a quarter of its bytes, but not to more than all of them twice
            // over; a page's image comes on top.
            Medium::Document => (bytes.saturating_mul(2), bytes / 16),
            Medium::Video => (bytes, bytes / 256),
            Medium::Audio => (bytes / 32, bytes / 256),
        };
        let (most, likely) = (most.saturating_add(20_000), likely.saturating_add(2_000));
        let most = if most < MOST_OF_ATTACHMENT { most } else { MOST_OF_ATTACHMENT };
        Self::beside(most, if likely < most { likely } else { most })
    }
}
