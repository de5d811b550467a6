//! Whose credentials a call is signed with, in plain words.

use std::sync::Arc;

/// Whose credentials a call is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "whoever finds it out fills it in")]
pub struct Signer {
    /// The role or user, by its ARN: few, and so on metrics.
    pub principal: Arc<str>,
    /// The account that it belongs to.
    pub account: Option<Arc<str>>,
    /// What its session is called, where it has one: many, and so on spans alone.
    pub session: Option<Arc<str>>,
}

/// What came of an identity that a call should have of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallIdentity {
    /// It was signed with that.
    Assumed,
    /// That could not be had: it was signed with the client's own credentials.
    Fallback,
}

impl CallIdentity {
    /// As it is on the call's span.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Fallback => "fallback",
        }
    }
}
