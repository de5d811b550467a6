use std::error::Error as StdError;
use std::fmt::Write as _;

/// An error of the agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a model call failed")]
    Model(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the reply was rejected: {0}")]
    Rejected(&'static str),
    #[error("the model stopped without an answer: {0}")]
    NoAnswer(String),
    #[error("the agent took more than {0} turns")]
    TooManyTurns(usize),
}

impl Error {
    /// Wraps an error of the SDK. Its type is kept, so that a budget's refusal can be found in it.
    pub(crate) fn model(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::Model(Box::new(error))
    }
}

/// Formats an error and its causes, one per line.
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  caused by: {error}");
        cause = error.source();
    }
    text
}
