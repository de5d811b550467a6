use std::path::Path;
use std::sync::Arc;

use outlay_ledger::{
    BudgetRule, LoadPolicyError, Outcome, Policy, Receipt, Received, RemoteId, StopTarget, TaskId, Totals,
};
use outlay_otel::{Attribution, Engine, Incoming, OpenTask, PendingReceipt, ReceiveError};
use outlay_price::Prices;

use crate::{Builder, TaskBuilder, default_outlay, watch_policy_file, watched_file};

/// The books of an application: its prices, its tasks, and where their spans and metrics go.
///
/// Cloning it is cheap and means the same one. An application has one, as a rule; the first that is built is the
/// default for calls that are in no task and to no client of another.
///
/// ```
/// use outlay::{Outcome, Outlay};
///
/// let outlay = Outlay::builder().build();
/// let task = outlay.task("resolve-ticket").team("support").start();
/// let report = task.finish(Outcome::success());
/// assert_eq!(report.totals().calls(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Outlay {
    engine: Engine,
    ignored: Arc<[String]>,
    policy_file: Option<Arc<Path>>,
}

impl Outlay {
    /// Sets up an `Outlay`.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// `policy_file` is watched, also where it is none that loads.
    pub(crate) fn new(engine: Engine, ignored: Vec<String>, policy: &Policy, policy_file: Option<&Path>) -> Self {
        let policy_file = policy_file.map(watched_file::absolute);
        if let Some(path) = &policy_file {
            watch_policy_file::watch(&engine, policy, path);
        }
        let outlay = Self { engine, ignored: ignored.into(), policy_file: policy_file.map(Arc::from) };
        default_outlay::set_first(&outlay.engine);
        outlay
    }

    #[cfg(feature = "tower")]
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes this the default: the one for calls that are in no task and to no client of another `Outlay`.
    pub fn set_default(&self) {
        default_outlay::set(&self.engine);
    }

    /// Begins to describe a task: one request to an agent, the unit of a total.
    ///
    /// Name it after what it does, not after which one it is: the name becomes a metric attribute.
    pub fn task(&self, name: &str) -> TaskBuilder {
        TaskBuilder::new(self.engine.clone(), name)
    }

    /// The caller's own task, as far as it goes on in this process: its id and name are on all spans here, which lie right
    /// below the caller's. It has no span and no outcome of its own, and is no task of its own on metrics; what it costs
    /// goes back by its [receipt](crate::Task::receipt).
    ///
    /// Start a task of its own with [`TaskBuilder::asked_by`] where this process is a service in its own right.
    pub fn join(&self, incoming: &Incoming) -> TaskBuilder {
        TaskBuilder::join(self.engine.clone(), incoming)
    }

    /// Counts a receipt for the work that it names, which a scope of this process has asked another one for. However often
    /// it is delivered, it counts once. One that comes when its task has closed is outside the task's sum: it is a span of
    /// its own, linked to the task.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] where the text is no receipt, or one that nobody here waits for.
    pub fn receive_receipt(&self, receipt: &str) -> Result<Received, ReceiveError> {
        self.engine.receive_receipt(receipt)
    }

    /// The receipts that have not come, of which it is known where they can be asked for.
    pub fn pending_receipts(&self) -> Vec<PendingReceipt> {
        self.engine.pending_receipts()
    }

    /// The receipts of work that another process has asked for, by what the work goes by there: one for each run of it.
    /// The last 10,000 are kept.
    pub fn receipts(&self, remote: RemoteId) -> Vec<Receipt> {
        self.engine.receipts(remote)
    }

    /// What the calls outside any task cost.
    pub fn unattributed(&self) -> Totals {
        self.engine.unattributed()
    }

    /// How much of what this process has spent says whose it is, by dimension, and which places make calls in no task.
    ///
    /// ```
    /// use outlay::{Dimension, Outcome, Outlay, Usd};
    ///
    /// let outlay = Outlay::builder().build();
    /// for (team, cents) in [(Some("support"), 3), (None, 1)] {
    ///     let task = outlay.task("resolve-ticket");
    ///     let task = if let Some(team) = team { task.team(team) } else { task }.start();
    ///     task.charge("serp-api", Usd::from_cents(cents));
    /// }
    /// assert_eq!(outlay.attribution().share(Dimension::Team), Some(0.75));
    /// ```
    pub fn attribution(&self) -> Attribution {
        self.engine.attribution()
    }

    /// The tasks that are open, the dearest first: a runaway is found while it burns.
    ///
    /// ```
    /// let outlay = outlay::Outlay::builder().build();
    /// let task = outlay.task("resolve-ticket").start();
    /// task.charge("serp-api", outlay::Usd::from_cents(1));
    /// let open = outlay.open_tasks();
    /// assert_eq!((open.len(), open[0].totals.cost().to_string()), (1, "$0.010000 exact".to_owned()));
    /// ```
    pub fn open_tasks(&self) -> Vec<OpenTask> {
        self.engine.open_tasks()
    }

    /// Stops an open task by its id, or all tasks of a kind, those to come included: their next call is refused, with an
    /// error that [`stopped`](crate::stopped) finds. A call that is under way goes on. The last reason holds.
    ///
    /// False where there is no such task: it has ended, or belongs to another process.
    ///
    /// ```
    /// use outlay::{Outlay, StopTarget};
    ///
    /// let outlay = Outlay::builder().build();
    /// let task = outlay.task("resolve-ticket").start();
    /// assert!(outlay.stop(task.id(), "it has gone round for an hour"));
    /// outlay.stop(StopTarget::workflow("tickets"), "the queue is poisoned");
    /// assert!(outlay.resume(StopTarget::workflow("tickets")));
    /// ```
    pub fn stop(&self, target: impl Into<StopTarget>, reason: &str) -> bool {
        self.engine.stop(&target.into(), reason)
    }

    /// Lets go on what was stopped. False where it was not.
    pub fn resume(&self, target: impl Into<StopTarget>) -> bool {
        self.engine.resume(&target.into())
    }

    /// Says how a task ended, by its id, from anywhere in this process and at any time: a user's thumb, a review, a refund.
    /// The last word holds, before the task's span has ended and after. What comes after is a span of its own, linked to
    /// the task, and counted in the metrics `outlay.outcomes.revised` and `outlay.outcome.withdrawn_value`.
    ///
    /// False where nobody knows the task: it is of another process, or 10,000 have closed since.
    ///
    /// ```
    /// use outlay::{Outcome, Outlay, Usd};
    ///
    /// let outlay = Outlay::builder().build();
    /// let task = outlay.task("resolve-ticket").start();
    /// let id = task.id();
    /// task.finish(Outcome::success());
    /// assert!(outlay.set_outcome(id, Outcome::failure()));
    /// ```
    pub fn set_outcome(&self, task: TaskId, outcome: Outcome) -> bool {
        self.engine.set_outcome(task, outcome)
    }

    /// Puts other budget rules in force, for tasks that start from now on and for calls in none. A budget that goes by the same name keeps what
    /// has been spent of it, under its new limit; one that counts something else, or over another period, begins anew.
    pub fn set_budget_rules(&self, rules: Vec<BudgetRule>) {
        self.engine.set_budget_rules(rules);
    }

    /// Puts another policy in force, for tasks that start from now on; its stops hold the open ones too. A file that the
    /// one before was read from goes on being looked at.
    pub fn set_policy(&self, policy: Policy) {
        self.engine.set_policy(policy);
    }

    /// Reads the policy's file again, now. It is looked at every second in any case, and put in force
    /// once it has been the same for a second. Without a file it does nothing.
    ///
    /// # Errors
    ///
    /// Where the file is no policy: it says file, line and field, and the policy before stays in force.
    pub fn reload_policy(&self) -> Result<(), LoadPolicyError> {
        self.policy_file.as_ref().map_or(Ok(()), |path| watch_policy_file::reload(&self.engine, path))
    }

    /// The price table in force.
    pub fn prices(&self) -> Prices {
        self.engine.prices()
    }

    /// Puts another price table in force. What is charged already keeps its price. The file that `OUTLAY_PRICES` names is
    /// still looked at every second, and put in force when it changes; where the builder was given prices, it is not.
    pub fn set_prices(&self, prices: Prices) {
        self.engine.set_prices(prices);
    }

    /// The settings that were bad and have been ignored, each with what was wrong. Empty where all is well.
    pub fn ignored_settings(&self) -> &[String] {
        &self.ignored
    }
}

impl AsRef<Engine> for Outlay {
    fn as_ref(&self) -> &Engine {
        &self.engine
    }
}
