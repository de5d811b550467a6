use std::fmt;
use std::sync::Arc;

use super::bounded_name::bounded_name;

/// The purpose of an agent's step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepKind {
    /// Deciding what to do next.
    Plan,
    /// A tool call, with the model calls that the tool makes.
    Tool,
    /// Doing the work, such as writing an answer or a draft.
    Act,
    /// Reviewing its own work.
    Reflect,
    /// Checking a result.
    Verify,
    /// Looking something up.
    Retrieve,
    /// The application tries again after a failure.
    Retry,
    /// A custom kind.
    Other(Arc<str>),
}

impl StepKind {
    /// Returns the known kind with this name, or else a custom one. A custom name is cut to 64 characters.
    pub fn from_name(name: &str) -> Self {
        match name {
            "plan" => Self::Plan,
            "tool" => Self::Tool,
            "act" => Self::Act,
            "reflect" => Self::Reflect,
            "verify" => Self::Verify,
            "retrieve" => Self::Retrieve,
            "retry" => Self::Retry,
            other => Self::Other(bounded_name(other)),
        }
    }

    /// Returns the kind's name, as in `outlay.step.kind`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plan => "plan",
            Self::Tool => "tool",
            Self::Act => "act",
            Self::Reflect => "reflect",
            Self::Verify => "verify",
            Self::Retrieve => "retrieve",
            Self::Retry => "retry",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ScopeKind {
    /// A task: one request to an agent, and the unit of totals.
    Task,
    /// An agent inside a task. Agents can nest.
    Agent,
    /// A step of an agent.
    Step(StepKind),
}

/// The kind that a cost is counted under. The kinds partition a total.
///
/// It is `retry` if any step between the cost and its nearest agent (or task) is a retry. Otherwise it is the kind of the
/// innermost step, whether that lies inside the agent or around it, or `Direct` if the cost is in no step of the task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CostKind {
    /// In a step.
    Step(StepKind),
    /// In no step.
    Direct,
}

impl CostKind {
    /// Returns the kind's name, as in `outlay.total.kind.{kind}.usd`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Step(kind) => kind.as_str(),
            Self::Direct => "direct",
        }
    }

    /// Returns the kind for costs inside an agent that lies in the step `enclosing`. A retry around an agent counts only
    /// if it is that innermost step.
    pub(crate) fn inside_agent(enclosing: Option<&StepKind>) -> Self {
        enclosing.map_or(Self::Direct, |step| Self::Step(step.clone()))
    }

    /// Returns the kind for costs inside a step of kind `step` that lies in a scope of this kind.
    pub(crate) fn inside(&self, step: &StepKind) -> Self {
        match self {
            Self::Step(StepKind::Retry) => self.clone(),
            _ => Self::Step(step.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_is_a_known_kind_and_any_other_is_custom() {
        for name in ["plan", "tool", "act", "reflect", "verify", "retrieve", "retry"] {
            let kind = StepKind::from_name(name);
            assert!(!matches!(kind, StepKind::Other(_)), "{name}");
            assert_eq!(kind.as_str(), name);
        }
        assert_eq!(StepKind::from_name("critique"), StepKind::Other("critique".into()));
    }

    #[test]
    fn a_custom_name_is_cut_at_a_character_boundary() {
        let kind = StepKind::from_name(&"é".repeat(100));
        assert_eq!(kind.as_str(), "é".repeat(64));
    }

    #[test]
    fn a_step_inside_a_retry_counts_as_retry() {
        let retry = CostKind::Direct.inside(&StepKind::Retry);
        assert_eq!(retry.inside(&StepKind::Act), CostKind::Step(StepKind::Retry));
        let act = CostKind::Direct.inside(&StepKind::Act);
        assert_eq!(act.inside(&StepKind::Tool), CostKind::Step(StepKind::Tool));
    }
}
