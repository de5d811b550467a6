//! The signer of a call.

use std::sync::Arc;

/// The principal that signs a call with its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "filled in by the crate that resolves credentials")]
pub struct Signer {
    /// The ARN of the role or user. There are few, so it is on metrics.
    pub principal: Arc<str>,
    /// The account of the role or user.
    pub account: Option<Arc<str>>,
    /// The name of its session, if it has one. There are many, so it is only on spans.
    pub session: Option<Arc<str>>,
}

/// Which credentials signed a call that was meant to have an identity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallIdentity {
    /// The credentials of its own identity.
    Assumed,
    /// The client's own credentials, because the identity was not available.
    Fallback,
}

impl CallIdentity {
    /// Returns the value for the call's span.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Fallback => "fallback",
        }
    }
}
