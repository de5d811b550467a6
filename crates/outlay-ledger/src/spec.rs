use std::sync::Arc;

use crate::dimensions::{clean, clean_key};
use crate::kind::bounded_name;
use crate::{Budget, Caller, Dimensions, StepKind};

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

/// What a task is opened with.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    pub(crate) name: Arc<str>,
    pub(crate) dimensions: Dimensions,
    pub(crate) conversation: Option<Arc<str>>,
    pub(crate) budgets: Vec<Budget>,
    /// Whether it can be a runaway.
    pub(crate) watched: bool,
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
            watched: true,
            caller: None,
            joins: false,
        }
    }

    /// The caller's own task, as far as it goes on in this process: under its id and its name.
    pub fn join(caller: Caller) -> Self {
        let name = caller.task_name().clone();
        Self { name, caller: Some(caller), joins: true, ..Self::new("") }
    }

    /// What is in no task: it never ends, and is no runaway for that.
    pub(crate) fn unattributed() -> Self {
        Self { watched: false, ..Self::new("unattributed") }
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

/// The key of a word of a task, as the task has it.
pub(crate) fn clean_word_key(key: &str) -> Arc<str> {
    clean_key(key).unwrap_or_default()
}

/// A word of a task, as the task has it: what is compared with it has to be cleaned in the same way.
pub(crate) fn clean_word(key: &str, value: &str) -> (Arc<str>, Arc<str>) {
    let key = clean_word_key(key);
    let value = match &*key {
        "task" => scope_name(value),
        "conversation" => value.into(),
        _ => clean(value).unwrap_or_default(),
    };
    (key, value)
}

/// What rules know a task by.
pub(crate) struct TaskWords<'a> {
    pub(crate) name: &'a str,
    pub(crate) conversation: Option<&'a str>,
    pub(crate) dimensions: &'a Dimensions,
}

impl<'a> TaskWords<'a> {
    /// The `task` name, the `conversation`, or else a dimension.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        match key {
            "task" => Some(self.name),
            "conversation" => self.conversation,
            dimension => self.dimensions.named(dimension).map(|value| &**value),
        }
    }
}

/// The name that a scope or a charge goes by.
pub(crate) fn scope_name(name: &str) -> Arc<str> {
    let name = bounded_name(name.trim_start());
    if name.is_empty() { Arc::from("unnamed") } else { name }
}
