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
    /// Returns a caller that is the task itself. The name is cut to 64 characters.
    pub fn new(task: TaskId, task_name: &str) -> Self {
        Self { task, task_name: scope_name(task_name), agent: None, step: None, remote: None }
    }

    /// Sets the agent that the scope is or lies in. Its name is cut to 64 characters. Defaults to none.
    #[must_use]
    pub fn agent(mut self, id: AgentId, name: &str) -> Self {
        self.agent = Some((id, scope_name(name)));
        self
    }

    /// Sets the step that the scope is. Defaults to none.
    #[must_use]
    pub const fn step(mut self, id: StepId) -> Self {
        self.step = Some(id);
        self
    }

    /// Sets the id of the remote work in the caller's ledger, which waits for a receipt. Defaults to none: no receipt is
    /// expected.
    #[must_use]
    pub const fn remote(mut self, id: RemoteId) -> Self {
        self.remote = Some(id);
        self
    }

    /// Returns the id of the caller's task.
    pub const fn task_id(&self) -> TaskId {
        self.task
    }

    /// Returns the name of the caller's task.
    pub const fn task_name(&self) -> &Arc<str> {
        &self.task_name
    }

    /// Returns the id and the name of the caller's agent.
    pub const fn agent_in_scope(&self) -> Option<&(AgentId, Arc<str>)> {
        self.agent.as_ref()
    }

    /// Returns the caller's step.
    pub const fn step_id(&self) -> Option<StepId> {
        self.step
    }

    /// Returns the id of the remote work in the caller's ledger.
    pub const fn remote_id(&self) -> Option<RemoteId> {
        self.remote
    }
}
