use outlay_ledger::{Dimension, Dimensions};

/// The workflow that a call is made in.
#[derive(Clone, Copy, Debug)]
pub struct Workflow<'a> {
    pub(crate) task: &'a str,
    pub(crate) dimensions: &'a Dimensions,
}

impl<'a> Workflow<'a> {
    /// Its name: the dimension `workflow`, else the task's name.
    pub fn name(&self) -> &'a str {
        self.dimensions.value(Dimension::Workflow).map_or(self.task, |name| name)
    }

    /// The task's name.
    pub const fn task(&self) -> &'a str {
        self.task
    }

    /// A dimension that the task says: a known one by its name, else one of your own.
    pub fn dimension(&self, name: &str) -> Option<&'a str> {
        self.dimensions.named(name).map(|value| &**value)
    }
}
