use outlay_ledger::{Budget, Dimension, Dimensions, TaskSpec};
use outlay_otel::{Engine, Incoming};

use crate::Task;

/// Describes a task before it starts: whose it is, and what it may spend.
///
/// Dimensions tie the spend to who owns it. They are on the task's spans, on those of its agents and calls, and on
/// metrics. Values hold at most 256 characters.
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

    /// Who answers for the spend.
    pub fn team(self, team: &str) -> Self {
        self.set(Dimension::Team, team)
    }

    /// What the spend is for.
    pub fn product(self, product: &str) -> Self {
        self.set(Dimension::Product, product)
    }

    /// Where it is booked.
    pub fn cost_center(self, cost_center: &str) -> Self {
        self.set(Dimension::CostCenter, cost_center)
    }

    /// `production`, `staging`, `sandbox`, ...
    pub fn environment(self, environment: &str) -> Self {
        self.set(Dimension::Environment, environment)
    }

    /// Whom the task serves: `enterprise`, `free`, ...
    pub fn customer_segment(self, segment: &str) -> Self {
        self.set(Dimension::CustomerSegment, segment)
    }

    /// The workflow that the task is part of.
    pub fn workflow(self, workflow: &str) -> Self {
        self.set(Dimension::Workflow, workflow)
    }

    /// A person or a role.
    pub fn owner(self, owner: &str) -> Self {
        self.set(Dimension::Owner, owner)
    }

    /// A dimension of your own. It is on spans; on metrics only where [`Builder::metric_dimension`] asks for it.
    ///
    /// [`Builder::metric_dimension`]: crate::Builder::metric_dimension
    pub fn dimension(mut self, key: &str, value: &str) -> Self {
        self.dimensions.set_named(key, value);
        self
    }

    /// The conversation that the task is part of: `gen_ai.conversation.id`.
    pub fn conversation(mut self, id: &str) -> Self {
        self.spec = self.spec.conversation(id);
        self
    }

    /// The scope in another process that asked for the task: its span lies below that one's, the dimensions that came with
    /// it hold where nothing else is said, and [`Task::receipt`] is for the one who asked. Defaults to nobody.
    pub fn asked_by(mut self, incoming: &Incoming) -> Self {
        self.incoming = Some(incoming.clone());
        self
    }

    /// What the task may spend: an amount, or a [`Budget`]. Several limits hold side by side. Defaults to none.
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.spec = self.spec.budget(budget);
        self
    }

    /// Starts the task: below the one that asked for it; else inside the current one if there is one of the same `Outlay`,
    /// else as a root.
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
