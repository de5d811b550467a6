use outlay_ledger::{Dimension, Dimensions};

/// The workflow that a call is made in.
#[derive(Clone, Copy, Debug)]
pub struct Workflow<'a> {
    pub(crate) task: &'a str,
    pub(crate) dimensions: &'a Dimensions,
}

impl<'a> Workflow<'a> {
    /// Returns the workflow's name: the dimension `workflow`, else the task's name.
    pub fn name(&self) -> &'a str {
        self.dimensions.value(Dimension::Workflow).map_or(self.task, |name| name)
    }

    /// Returns the task's name.
    pub const fn task(&self) -> &'a str {
        self.task
    }

    /// Returns a dimension of the task, known or custom, by its name.
    pub fn dimension(&self, name: &str) -> Option<&'a str> {
        self.dimensions.named(name).map(|value| &**value)
    }
}
