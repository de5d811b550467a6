use std::fmt;
use std::sync::Arc;

use outlay_price::Usd;

use crate::message_text::shown;

/// What is not as a policy has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A task does not say whose it is.
    MissingDimensions(Vec<Arc<str>>),
    /// A call asks a model that is not allowed.
    Model(Arc<str>),
    /// A task cost more than one should.
    Cost {
        /// What it cost.
        cost: Usd,
        /// What one should cost at most.
        expected: Usd,
    },
    /// A workflow does more than its environment is for.
    Graduation {
        /// The workflow.
        workflow: Arc<str>,
        /// Its tasks so far today.
        tasks: u64,
        /// What it has cost so far this month.
        cost: Usd,
        /// The production principal that it is called by, where that is the sign.
        principal: Option<Arc<str>>,
    },
}

/// A rule of the policy is violated. As an error: a call was refused for that, and nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} violates the policy's rule `{}`: {}", .0.task, .0.rule, .0.what)]
pub struct PolicyViolation(Box<Inner>);

/// Boxed, so that the results that may hold it stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    rule: Arc<str>,
    task: Arc<str>,
    what: Violation,
}

impl PolicyViolation {
    pub(crate) fn new(rule: &Arc<str>, task: &Arc<str>, what: Violation) -> Self {
        Self(Box::new(Inner { rule: rule.clone(), task: task.clone(), what }))
    }

    /// The rule's name.
    pub fn rule(&self) -> &str {
        &self.0.rule
    }

    /// The task's name.
    pub fn task(&self) -> &str {
        &self.0.task
    }

    /// What is wrong.
    pub fn violation(&self) -> &Violation {
        &self.0.what
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
            Self::MissingDimensions(keys) => write!(f, "the task says no {}", keys.join(", ")),
            Self::Model(model) => write!(f, "the model `{}` is not allowed", shown(model)),
            Self::Cost { cost, expected } => write!(f, "the task cost {cost}, and should cost {expected} at most"),
            Self::Graduation { workflow, tasks, cost, principal } => {
                write!(f, "the workflow `{workflow}` has grown out of it, ")?;
                match principal {
                    Some(principal) => write!(f, "called by {principal}"),
                    None => write!(f, "with {tasks} tasks today and {cost} this month"),
                }
            }
        }
    }
}
