use std::time::SystemTime;

use outlay_ledger::AttemptRecord;

/// Which attempts get a span of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptSpans {
    /// Those of calls that had more than one, or failed.
    #[default]
    Notable,
    /// All.
    All,
    /// None.
    Never,
}

/// One HTTP attempt of a call.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever sees the attempts builds them")]
pub struct Attempt {
    /// When it started.
    pub started: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// The request id that AWS gave it.
    pub request_id: Option<String>,
    /// The error by its short name, where there was one.
    pub error: Option<String>,
}

impl AttemptSpans {
    pub(crate) const fn wants(self, attempts: usize, failed: bool) -> bool {
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
