use std::sync::Arc;

use super::bounded_name::scope_name;
use crate::{AgentId, RemoteId, StepId, TaskId};

/// The scope in another process that asked for a task here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    task: TaskId,
    task_name: Arc<str>,
    agent: Option<(AgentId, Arc<str>)>,
    step: Option<StepId>,
    remote: Option<RemoteId>,
}

impl Caller {
    /// A scope of this task, directly in it. The name is cut to 64 characters.
    pub fn new(task: TaskId, task_name: &str) -> Self {
        Self { task, task_name: scope_name(task_name), agent: None, step: None, remote: None }
    }

    /// The agent that the scope is, or lies in. Defaults to none.
    #[must_use]
    pub fn agent(mut self, id: AgentId, name: &str) -> Self {
        self.agent = Some((id, scope_name(name)));
        self
    }

    /// The step that the scope is. Defaults to none.
    #[must_use]
    pub const fn step(mut self, id: StepId) -> Self {
        self.step = Some(id);
        self
    }

    /// What the work goes by in the caller's books, which wait for a receipt. Defaults to nothing: nobody waits for one.
    #[must_use]
    pub const fn remote(mut self, id: RemoteId) -> Self {
        self.remote = Some(id);
        self
    }

    /// The caller's task.
    pub const fn task_id(&self) -> TaskId {
        self.task
    }

    /// Its name.
    pub const fn task_name(&self) -> &Arc<str> {
        &self.task_name
    }

    /// The caller's agent, with its name.
    pub const fn agent_in_scope(&self) -> Option<&(AgentId, Arc<str>)> {
        self.agent.as_ref()
    }

    /// The caller's step.
    pub const fn step_id(&self) -> Option<StepId> {
        self.step
    }

    /// What the caller's books know the work by.
    pub const fn remote_id(&self) -> Option<RemoteId> {
        self.remote
    }
}
