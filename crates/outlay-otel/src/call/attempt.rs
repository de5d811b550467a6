use std::time::SystemTime;

use outlay_ledger::AttemptRecord;

/// Which attempts get a span of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptSpans {
    /// The attempts of calls that failed or had more than one attempt.
    #[default]
    Notable,
    /// All attempts.
    All,
    /// No attempts.
    Never,
}

/// One HTTP attempt of a call.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by the crate that sees the attempts")]
pub struct Attempt {
    /// When it started.
    pub started: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The request id from AWS.
    pub request_id: Option<String>,
    /// The short name of the error, if there was one.
    pub error: Option<String>,
}

impl AttemptSpans {
    pub(crate) const fn includes(self, attempts: usize, failed: bool) -> bool {
        match self {
            Self::Notable => attempts > 1 || failed,
            Self::All => true,
            Self::Never => false,
        }
    }
}

impl Attempt {
    pub(crate) fn record(&self) -> AttemptRecord {
        AttemptRecord { status: self.status, error: self.error.as_deref().map(Into::into) }
    }
}
