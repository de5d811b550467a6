use std::sync::Arc;

use crate::task::scope_name;
use crate::{Budget, Caller, Dimensions};

/// What a task is opened with.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    pub(crate) name: Arc<str>,
    pub(crate) dimensions: Dimensions,
    pub(crate) conversation: Option<Arc<str>>,
    pub(crate) budgets: Vec<Budget>,
    /// Whether it stands for the work that belongs to no task. That never ends, has no policy and is no runaway.
    pub(crate) is_unattributed: bool,
    /// Who asked for it from another process.
    pub(crate) caller: Option<Caller>,
    /// Whether it is the caller's own task that goes on here.
    pub(crate) joins: bool,
}

impl TaskSpec {
    /// A task of that name: what it does, not which one it is, for its name becomes a metric attribute.
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

    /// The caller's own task, as far as it goes on in this process: under its id and its name.
    pub fn join(caller: Caller) -> Self {
        let name = caller.task_name().clone();
        Self { name, caller: Some(caller), joins: true, ..Self::new("") }
    }

    /// Returns the task that stands for the work that belongs to no task.
    pub(crate) fn unattributed() -> Self {
        Self { is_unattributed: true, ..Self::new("unattributed") }
    }

    /// Whose the task is. Defaults to nobody's, and inside another task to that one's.
    #[must_use]
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// The same where it says nothing so far.
    #[must_use]
    pub fn dimensions_else(mut self, dimensions: &Dimensions) -> Self {
        self.dimensions = std::mem::take(&mut self.dimensions).or(dimensions);
        self
    }

    /// The conversation that the task is part of. Defaults to none.
    #[must_use]
    pub fn conversation(mut self, id: &str) -> Self {
        self.conversation = Some(Arc::from(id));
        self
    }

    /// Who asked for the task from another process. It is a task of its own, whose cost is part of the caller's. Defaults
    /// to nobody.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// As a task that nobody else asked for.
    #[must_use]
    pub fn without_caller(self) -> Self {
        Self { caller: None, joins: false, ..self }
    }

    /// What the task may spend. Several limits hold side by side. Defaults to none.
    #[must_use]
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.budgets.push(budget.into());
        self
    }
}
