use outlay_ledger::{Budget, Dimension, Dimensions, TaskSpec};
use outlay_otel::{Engine, Incoming};

use crate::Task;

/// A builder for a task, with its dimensions and budgets.
///
/// Dimensions attribute the spend to its owner. They are on the task's spans, on those of its agents and calls, and on
/// metrics. A value has at most 256 characters.
#[derive(Clone, Debug)]
#[must_use = "a task that is not started counts nothing"]
pub struct TaskBuilder {
    engine: Engine,
    spec: TaskSpec,
    dimensions: Dimensions,
    incoming: Option<Incoming>,
}

impl TaskBuilder {
    pub(crate) fn new(engine: Engine, name: &str) -> Self {
        Self { engine, spec: TaskSpec::new(name), dimensions: Dimensions::default(), incoming: None }
    }

    pub(crate) fn join(engine: Engine, incoming: &Incoming) -> Self {
        let spec = TaskSpec::join(incoming.caller().clone());
        Self { engine, spec, dimensions: Dimensions::default(), incoming: Some(incoming.clone()) }
    }

    /// Sets the team that is responsible for the spend.
    pub fn team(self, team: &str) -> Self {
        self.set(Dimension::Team, team)
    }

    /// Sets the product that the spend is for.
    pub fn product(self, product: &str) -> Self {
        self.set(Dimension::Product, product)
    }

    /// Sets the cost center that the spend is charged to.
    pub fn cost_center(self, cost_center: &str) -> Self {
        self.set(Dimension::CostCenter, cost_center)
    }

    /// Sets the environment: `production`, `staging`, `sandbox`, ...
    pub fn environment(self, environment: &str) -> Self {
        self.set(Dimension::Environment, environment)
    }

    /// Sets the segment of the customer that the task serves: `enterprise`, `free`, ...
    pub fn customer_segment(self, segment: &str) -> Self {
        self.set(Dimension::CustomerSegment, segment)
    }

    /// Sets the workflow that the task is part of.
    pub fn workflow(self, workflow: &str) -> Self {
        self.set(Dimension::Workflow, workflow)
    }

    /// Sets the owner: a person or a role.
    pub fn owner(self, owner: &str) -> Self {
        self.set(Dimension::Owner, owner)
    }

    /// Sets a dimension, usually one of your own. It is on spans, and on metrics only if [`OutlayBuilder::metric_dimension`]
    /// names it.
    ///
    /// [`OutlayBuilder::metric_dimension`]: crate::OutlayBuilder::metric_dimension
    pub fn dimension(mut self, key: &str, value: &str) -> Self {
        self.dimensions.set_named(key, value);
        self
    }

    /// Sets the conversation that the task is part of: `gen_ai.conversation.id`. Defaults to none.
    pub fn conversation(mut self, id: &str) -> Self {
        self.spec = self.spec.conversation(id);
        self
    }

    /// Sets the caller: the scope in another process that asked for the task. The task's span lies below the caller's, the
    /// caller's dimensions apply unless the task sets its own, and [`Task::receipt`] is for the caller. Defaults to none.
    pub fn asked_by(mut self, incoming: &Incoming) -> Self {
        self.incoming = Some(incoming.clone());
        self
    }

    /// Adds a budget for the task: an amount, or a [`Budget`]. Several budgets apply together. Defaults to none.
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.spec = self.spec.budget(budget);
        self
    }

    /// Starts the task: below its caller if there is one; else inside the current task if that belongs to the same
    /// `Outlay`; else as a root.
    pub fn start(self) -> Task {
        let spec = self.spec.dimensions(self.dimensions);
        Task::new(match &self.incoming {
            Some(incoming) => self.engine.open_task_for(spec, incoming),
            None => self.engine.open_task(spec),
        })
    }

    fn set(mut self, dimension: Dimension, value: &str) -> Self {
        self.dimensions.set(dimension, value);
        self
    }
}
