use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use outlay_ledger::{
    BudgetRule, LoadPolicyError, Outcome, Policy, Receipt, Received, RemoteId, StopTarget, TaskId, Totals,
};
use outlay_otel::{Attribution, Engine, Incoming, OpenTask, OutcomeTokenError, PendingReceipt, ReceiveError};
use outlay_price::Prices;

use crate::{BuildError, Idle, OutlayBuilder, TaskBuilder, default_outlay, watch_policy_file, watched_file};

/// The ledger of an application, with its price table and the providers that spans and metrics go to.
///
/// Cloning it is cheap, and the clone shares all state. An application usually has one. The first that is built is the
/// default: it records calls outside any task, unless a client of another `Outlay` makes them.
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
    ignored: Arc<[BuildError]>,
    policy_file: Option<Arc<Path>>,
}

impl Outlay {
    /// Returns a builder for an `Outlay`.
    pub fn builder() -> OutlayBuilder {
        OutlayBuilder::new()
    }

    /// Watches `policy_file` from now on, even if it does not load yet.
    pub(crate) fn new(engine: Engine, ignored: Vec<BuildError>, policy: &Policy, policy_file: Option<&Path>) -> Self {
        let policy_file = policy_file.map(watched_file::absolute);
        if let Some(path) = &policy_file {
            watch_policy_file::watch(&engine, policy, path);
        }
        let outlay = Self { engine, ignored: ignored.into(), policy_file: policy_file.map(Arc::from) };
        default_outlay::set_first(&outlay.engine);
        outlay
    }

    #[cfg(any(feature = "bedrock", feature = "tower"))]
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes this the default, which records calls outside any task unless a client of another `Outlay` makes them.
    pub fn set_default(&self) {
        default_outlay::set(&self.engine);
    }

    /// Returns a builder for a task: one request to an agent, with a total of its own.
    ///
    /// Name it after what it does, and leave ids out of the name: it becomes a metric attribute.
    pub fn task(&self, name: &str) -> TaskBuilder {
        TaskBuilder::new(self.engine.clone(), name)
    }

    /// Returns a builder for the part of the caller's task that runs in this process. The caller's task id and name are on
    /// all spans here, and these lie directly below the caller's span. This part has no span or outcome of its own, and
    /// metrics do not count it as a task. Its cost goes back in its [receipt](crate::Task::receipt).
    ///
    /// If this process is an independent service, start a separate task with [`TaskBuilder::asked_by`] instead.
    pub fn join(&self, incoming: &Incoming) -> TaskBuilder {
        TaskBuilder::join(self.engine.clone(), incoming)
    }

    /// Counts the receipt of remote work that a scope of this process started. It counts once, however often it is
    /// delivered. A receipt that is late, because its task has closed, is not part of the task's total: it becomes a
    /// separate span, linked to the task.
    ///
    /// # Errors
    ///
    /// Returns a [`ReceiveError`] if the text is not a receipt, or no scope here waits for it.
    pub fn receive_receipt(&self, receipt: &str) -> Result<Received, ReceiveError> {
        self.engine.receive_receipt(receipt)
    }

    /// Returns the missing receipts that can be asked for.
    pub fn pending_receipts(&self) -> Vec<PendingReceipt> {
        self.engine.pending_receipts()
    }

    /// Returns the receipts of work that another process asked for, by the id of that work: one for each run of it.
    /// Receipts are kept for the last 10,000 pieces of work.
    pub fn receipts(&self, remote: RemoteId) -> Vec<Receipt> {
        self.engine.receipts(remote)
    }

    /// Returns the totals of everything outside any task.
    pub fn unattributed(&self) -> Totals {
        self.engine.unattributed()
    }

    /// Returns how much of this process's spend carries each dimension, and which places in the code spend outside any
    /// task.
    ///
    /// ```
    /// use outlay::report::Dimension;
    /// use outlay::{Outcome, Outlay, Usd};
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

    /// Returns the open tasks, the most expensive first. A runaway can be found here while it is still running.
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

    /// Waits until no task is open and no call outside any task: until the tasks are finished, their calls have settled,
    /// dropped streams are drained, and receipts of remote work have come or are overdue. Call it before a process ends,
    /// after it has stopped taking requests, and then flush the OpenTelemetry providers.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn f(outlay: outlay::Outlay) {
    /// if let Err(error) = outlay.idle(Duration::from_secs(10)).await {
    ///     eprintln!("{error}");
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Resolves to a [`NotIdleError`](crate::NotIdleError) if something is still open after the timeout.
    pub fn idle(&self, timeout: Duration) -> Idle {
        Idle::new(self.engine.clone(), timeout)
    }

    /// Stops an open task by its id, or all tasks of a kind, including future ones. Their next call is refused, with an
    /// error that [`stopped`](crate::stopped) finds. Calls in progress continue. The last reason replaces earlier ones.
    ///
    /// Returns `false` if there is no such task: it has ended, or belongs to another process.
    ///
    /// ```
    /// use outlay::policy::StopTarget;
    /// use outlay::Outlay;
    ///
    /// let outlay = Outlay::builder().build();
    /// let task = outlay.task("resolve-ticket").start();
    /// assert!(outlay.stop(task.id(), "it has looped for an hour"));
    /// outlay.stop(StopTarget::workflow("tickets"), "the queue is poisoned");
    /// assert!(outlay.resume(StopTarget::workflow("tickets")));
    /// ```
    pub fn stop(&self, target: impl Into<StopTarget>, reason: &str) -> bool {
        self.engine.stop(&target.into(), reason)
    }

    /// Lifts a stop. Returns `false` if the target was not stopped.
    pub fn resume(&self, target: impl Into<StopTarget>) -> bool {
        self.engine.resume(&target.into())
    }

    /// Sets the outcome of a task of any process, by a token that [`Task::outcome_token`](crate::Task::outcome_token) has
    /// returned. The last outcome counts. See [the module](crate::outcome).
    ///
    /// # Errors
    ///
    /// Returns an [`OutcomeTokenError`] if the token is invalid, was changed or has expired.
    pub fn record_outcome(&self, token: &str, outcome: Outcome) -> Result<(), OutcomeTokenError> {
        self.engine.record_outcome(token, outcome)
    }

    /// Sets the outcome of a task by its id, at any time and from anywhere in this process: after a user's rating, a
    /// review or a refund. From another process, use [`record_outcome`](Self::record_outcome). The last outcome counts. One that is set after the task's span has ended becomes a separate
    /// span, linked to the task, and is counted in the metrics `outlay.outcomes.revised` and
    /// `outlay.outcome.withdrawn_value`.
    ///
    /// Returns `false` if the task is unknown: it belongs to another process, or 10,000 tasks have closed since.
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

    /// Replaces the budget rules, for tasks that start from now on and for calls outside any task. A budget of the same
    /// name keeps what has been spent of it, under its new limit. It starts from zero if its unit or its period has
    /// changed.
    pub fn set_budget_rules(&self, rules: Vec<BudgetRule>) {
        self.engine.set_budget_rules(rules);
    }

    /// Replaces the policy, for tasks that start from now on. Its stops also apply to open tasks. The file of the previous
    /// policy is still checked for changes.
    pub fn set_policy(&self, policy: Policy) {
        self.engine.set_policy(policy);
    }

    /// Reads the policy's file again at once, and puts it in force. The file is also checked every second, and put in force
    /// when it has changed and then stayed the same for a second. Does nothing if there is no file.
    ///
    /// # Errors
    ///
    /// Returns an error with file, line and field if the policy is invalid. The previous policy stays in force.
    pub fn reload_policy(&self) -> Result<(), LoadPolicyError> {
        self.policy_file.as_ref().map_or(Ok(()), |path| watch_policy_file::reload(&self.engine, path))
    }

    /// Returns the price table in force.
    pub fn prices(&self) -> Prices {
        self.engine.prices()
    }

    /// Replaces the price table. Costs that are already recorded keep their price. The file that `OUTLAY_PRICES` names is
    /// still checked every second, and put in force when it changes, unless the builder was given prices.
    pub fn set_prices(&self, prices: Prices) {
        self.engine.set_prices(prices);
    }

    /// Returns an error for each invalid setting that [`OutlayBuilder::build`] ignored.
    pub fn ignored_settings(&self) -> &[BuildError] {
        &self.ignored
    }
}
