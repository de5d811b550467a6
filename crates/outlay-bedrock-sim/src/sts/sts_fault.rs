use std::time::Duration;

/// A fault in how [`StsSim`](crate::StsSim) answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StsFault {
    /// STS answers with an error.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code, such as `AccessDenied` or `Throttling`.
        code: String,
        /// The error message.
        message: String,
    },
    /// The answer is delayed by this duration.
    Delay(Duration),
    /// The request is never answered.
    Hang,
}

impl StsFault {
    /// Returns a fault that answers with an error.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error { status, code: code.to_owned(), message: message.to_owned() }
    }
}
