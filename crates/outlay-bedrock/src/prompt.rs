//! Bounds and estimates the input tokens of a request before it is sent.
//!
//! A budget's reservation and the settlement of an unanswered call use the same figure. It is read from the typed
//! input, or from a native body that is JSON ([`body_prompt`]). A token of text is at least one byte, so the bytes of
//! a text are its bound. Models scale images, so an image counts the same whatever its size in bytes. A page of a
//! document is read as text and as an image. Content in S3 cannot be seen from here. The figures below are generous,
//! and are documented with [`Budget`](outlay_ledger::Budget).

use aws_smithy_types::body::SdkBody;

mod body_prompt;
mod converse_prompt;
mod prompt_size;

pub(crate) use body_prompt::of_body;
pub(crate) use converse_prompt::Prompt;
use prompt_size::REMOTE;
pub(crate) use prompt_size::{SPEECH_SESSION, Size};

/// Returns the size of a body that an interceptor has put in place of the serialized one.
pub(crate) fn of_replaced(body: &SdkBody) -> Size {
    match (body.bytes(), body.content_length()) {
        (Some(bytes), _) => of_body(bytes),
        (None, Some(length)) => Size::text(length).in_request(),
        // Nothing is known about the body.
        (None, None) => REMOTE.in_request(),
    }
}
