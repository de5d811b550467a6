use std::fmt;
use std::sync::Arc;

use super::bounded_name::bounded_name;

/// What a step of an agent is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepKind {
    /// Deciding what to do.
    Plan,
    /// A tool call, with whatever model calls the tool makes.
    Tool,
    /// Doing the work: the answer, the draft.
    Act,
    /// Looking back on own work.
    Reflect,
    /// Checking a result.
    Verify,
    /// Looking something up.
    Retrieve,
    /// The application asks again after a failure.
    Retry,
    /// The user's own kind.
    Other(Arc<str>),
}

impl StepKind {
    /// The kind of that name; one of the user's own where the name is none of the known ones.
    ///
    /// An own name is cut to 64 characters.
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

    /// The kind's name, as in `outlay.step.kind`.
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

/// What a scope is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ScopeKind {
    /// A task: one request to an agent, the unit of a total.
    Task,
    /// An agent inside a task; agents nest.
    Agent,
    /// A step of an agent.
    Step(StepKind),
}

/// Under which kind a cost is counted. The kinds partition a total.
///
/// It is `retry` if any step between the cost and its nearest agent (or task) is a retry, else the innermost step's
/// kind, whether that lies inside the agent or around it, and `Direct` where no step of the task holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CostKind {
    /// Held by a step.
    Step(StepKind),
    /// Held by no step.
    Direct,
}

impl CostKind {
    /// The kind's name, as in `outlay.total.kind.{kind}.usd`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Step(kind) => kind.as_str(),
            Self::Direct => "direct",
        }
    }

    /// The kind of what happens inside an agent that lies in `holder`: a retry around an agent says nothing of what the
    /// agent does, but for the step that holds it.
    pub(crate) fn inside_agent(holder: Option<&StepKind>) -> Self {
        holder.map_or(Self::Direct, |step| Self::Step(step.clone()))
    }

    /// The kind of what happens inside a step of kind `step` that itself lies in a scope of this kind.
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
    fn a_known_name_is_a_known_kind_and_any_other_is_the_users_own() {
        for name in ["plan", "tool", "act", "reflect", "verify", "retrieve", "retry"] {
            let kind = StepKind::from_name(name);
            assert!(!matches!(kind, StepKind::Other(_)), "{name}");
            assert_eq!(kind.as_str(), name);
        }
        assert_eq!(StepKind::from_name("critique"), StepKind::Other("critique".into()));
    }

    #[test]
    fn an_own_name_is_cut_at_a_character() {
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
