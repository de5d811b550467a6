use std::fmt;
use std::sync::Arc;

use outlay_price::Usd;

use crate::message_text::shown;

/// The way in which a policy is violated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A task does not set required dimensions.
    MissingDimensions(Vec<Arc<str>>),
    /// A call requests a model that is not allowed.
    Model(Arc<str>),
    /// A task cost more than expected.
    Cost {
        /// The task's cost.
        cost: Usd,
        /// The most that a task is expected to cost.
        expected: Usd,
    },
    /// A workflow has outgrown its rule, such as one for a sandbox.
    Graduation {
        /// The workflow.
        workflow: Arc<str>,
        /// The number of its tasks so far today.
        tasks: u64,
        /// Its cost so far this month.
        cost: Usd,
        /// The production principal that signed a call, if that is the reason.
        principal: Option<Arc<str>>,
    },
}

/// A violation of a policy rule. As an error, a call was refused because of it, and nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} violates the policy's rule `{}`: {}", .0.task, .0.rule, .0.violation)]
pub struct PolicyViolation(Box<Details>);

/// Boxed to keep results that contain it small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    rule: Arc<str>,
    task: Arc<str>,
    violation: Violation,
}

impl PolicyViolation {
    pub(crate) fn new(rule: &Arc<str>, task: &Arc<str>, violation: Violation) -> Self {
        Self(Box::new(Details { rule: rule.clone(), task: task.clone(), violation }))
    }

    /// Returns the rule's name.
    pub fn rule(&self) -> &str {
        &self.0.rule
    }

    /// Returns the task's name.
    pub fn task(&self) -> &str {
        &self.0.task
    }

    /// Returns the violation.
    pub fn violation(&self) -> &Violation {
        &self.0.violation
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.rule
    }
}

impl Violation {
    /// Returns the kind of violation as a word.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::MissingDimensions(_) => "dimensions",
            Self::Model(_) => "model",
            Self::Cost { .. } => "cost",
            Self::Graduation { .. } => "graduation",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingDimensions(keys) => write!(f, "the task sets no {}", keys.join(", ")),
            Self::Model(model) => write!(f, "the model `{}` is not allowed", shown(model)),
            Self::Cost { cost, expected } => write!(f, "the task cost {cost}, and should cost at most {expected}"),
            Self::Graduation { workflow, tasks, cost, principal } => {
                write!(f, "the workflow `{workflow}` has outgrown it, ")?;
                match principal {
                    Some(principal) => write!(f, "called by {principal}"),
                    None => write!(f, "with {tasks} tasks today and {cost} this month"),
                }
            }
        }
    }
}
