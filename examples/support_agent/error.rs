use std::error::Error as StdError;
use std::fmt::Write as _;

/// Why the agent has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a call of the model failed")]
    Model(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the reply did not pass: {0}")]
    Rejected(&'static str),
    #[error("the model stopped without an answer: {0}")]
    NoAnswer(String),
    #[error("the agent took more than {0} turns")]
    TooManyTurns(usize),
}

impl Error {
    /// Of the SDK's error, which keeps its own type: a budget's refusal is found in it.
    pub(crate) fn model(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::Model(Box::new(error))
    }
}

/// An error and all that is behind it, in one line each.
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
