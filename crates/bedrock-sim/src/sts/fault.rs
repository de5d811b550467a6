use std::time::Duration;

/// What becomes of a request to [`StsSim`](crate::StsSim), other than an answer at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StsFault {
    /// An error of STS.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error's code: `AccessDenied`, `Throttling`, ...
        code: String,
        /// The error's text.
        message: String,
    },
    /// The answer comes after so long.
    Delay(Duration),
    /// No answer ever comes.
    Hang,
}

impl StsFault {
    /// An error of STS.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error { status, code: code.to_owned(), message: message.to_owned() }
    }
}
