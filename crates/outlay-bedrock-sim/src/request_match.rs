use crate::operation::Operation;
use crate::recorded::Recorded;

/// A condition on the requests that a scripted reply is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Model(String),
    Operation(Operation),
    Body(String),
}

impl Match {
    /// Matches requests whose model id contains `part`.
    #[must_use]
    pub fn model(part: impl Into<String>) -> Self {
        Self::of(Condition::Model(part.into()))
    }

    /// Matches requests for this operation.
    #[must_use]
    pub fn operation(operation: Operation) -> Self {
        Self::of(Condition::Operation(operation))
    }

    /// Matches requests whose body contains `part`.
    #[must_use]
    pub fn body(part: impl Into<String>) -> Self {
        Self::of(Condition::Body(part.into()))
    }

    /// Matches requests that both `self` and `other` match.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.conditions.extend(other.conditions);
        self
    }

    /// Returns whether the request matches.
    pub(crate) fn matches(&self, request: &Recorded) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Model(part) => request.model_id.contains(part),
            Condition::Operation(operation) => request.operation == *operation,
            Condition::Body(part) => contains(&request.body, part.as_bytes()),
        })
    }

    fn of(condition: Condition) -> Self {
        Self { conditions: vec![condition] }
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}
