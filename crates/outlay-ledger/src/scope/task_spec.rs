use std::sync::Arc;

use crate::task::scope_name;
use crate::{Budget, Caller, Dimensions};

/// The settings for opening a task.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    pub(crate) name: Arc<str>,
    pub(crate) dimensions: Dimensions,
    pub(crate) conversation: Option<Arc<str>>,
    pub(crate) budgets: Vec<Budget>,
    /// Whether it is the task for work outside any task. It never ends, and no policy or runaway rule applies to it.
    pub(crate) is_unattributed: bool,
    /// The caller in another process, if it asked for the task.
    pub(crate) caller: Option<Caller>,
    /// Whether it is the caller's own task, which continues here.
    pub(crate) joins: bool,
}

impl TaskSpec {
    /// Creates a task with this name. The name should say what the task does, not which one it is, because it becomes a
    /// metric attribute.
    ///
    /// The name is cut to 64 characters; an empty one becomes `unnamed`.
    pub fn new(name: &str) -> Self {
        Self {
            name: scope_name(name),
            dimensions: Dimensions::default(),
            conversation: None,
            budgets: Vec::new(),
            is_unattributed: false,
            caller: None,
            joins: false,
        }
    }

    /// Creates the part of the caller's own task that runs in this process, with the same id and name.
    pub fn join(caller: Caller) -> Self {
        let name = caller.task_name().clone();
        Self { name, caller: Some(caller), joins: true, ..Self::new("") }
    }

    /// Creates the task for work outside any task.
    pub(crate) fn unattributed() -> Self {
        Self { is_unattributed: true, ..Self::new("unattributed") }
    }

    /// Sets the dimensions. Ones that are not set default to those of the outer task, or of the ledger.
    #[must_use]
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// Sets those of the dimensions that are not set yet.
    #[must_use]
    pub fn dimensions_else(mut self, dimensions: &Dimensions) -> Self {
        self.dimensions = std::mem::take(&mut self.dimensions).or(dimensions);
        self
    }

    /// Sets the conversation that the task is part of. Defaults to that of the outer task, if any.
    #[must_use]
    pub fn conversation(mut self, id: &str) -> Self {
        self.conversation = Some(Arc::from(id));
        self
    }

    /// Sets the caller in another process that asked for the task. It stays a separate task, and its cost is also part of
    /// the caller's. Defaults to none.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// Removes the caller.
    #[must_use]
    pub fn without_caller(self) -> Self {
        Self { caller: None, joins: false, ..self }
    }

    /// Adds a budget. If there are several, all apply. Defaults to none.
    #[must_use]
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.budgets.push(budget.into());
        self
    }
}
