use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what} id: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
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
                    // Enough to recognise it by; the text may be anybody's.
                    text: text.chars().take(64).collect(),
                })
            }
        }
    };
}

id!(
    /// One run of a task.
    TaskId,
    "task"
);
id!(
    /// One run of an agent inside a task.
    AgentId,
    "agent"
);
id!(
    /// One run of a step inside a task.
    StepId,
    "step"
);
id!(
    /// One piece of work that another process does for a scope here.
    RemoteId,
    "remote"
);
id!(
    /// One run of a task that another process asked for: what its receipt goes by.
    ReceiptId,
    "receipt"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = TaskId::new(Uuid::now_v7());
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_text_that_is_no_id_is_named_in_the_error() {
        let error = "nonsense".parse::<StepId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`nonsense` is no step id: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"
        );
    }
}
