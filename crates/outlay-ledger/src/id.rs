use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The error for a text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} id `{text}`: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct ParseIdError {
    what: &'static str,
    text: Box<str>,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub(crate) const fn new(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError {
                    what: $what,
                    // The text may come from outside, so it is cut.
                    text: text.chars().take(64).collect(),
                })
            }
        }
    };
}

id!(
    /// The id of a run of a task.
    TaskId,
    "task"
);
id!(
    /// The id of a run of an agent inside a task.
    AgentId,
    "agent"
);
id!(
    /// The id of a run of a step inside a task.
    StepId,
    "step"
);
id!(
    /// The id of remote work: work that another process does for a scope here.
    RemoteId,
    "remote"
);
id!(
    /// The id of a receipt: of one run of a task that another process asked for.
    ReceiptId,
    "receipt"
);
id!(
    /// The id of a token with which another process sets the outcome of a task.
    OutcomeId,
    "outcome"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_through_its_text() {
        let id = TaskId::new(Uuid::now_v7());
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn the_error_quotes_the_invalid_text() {
        let error = "nonsense".parse::<StepId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid step id `nonsense`: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"
        );
    }
}
