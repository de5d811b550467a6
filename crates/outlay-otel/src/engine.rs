mod late_outcome;
mod receive_receipt;
mod scope_of_call;
mod stop;

use std::any::Any;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use outlay_ledger::{BudgetExceeded, BudgetRule, Policy, TaskSpec, Totals};
use outlay_price::Prices;

use crate::core::Core;
use crate::metrics::Attribution;
use crate::on_refusal::Downgrade;
use crate::propagation::Incoming;
use crate::registry::{OpenTask, task_opened};
use crate::scope::{OpenScope, TracedScope};
use crate::settings::{DroppedStream, Settings};

/// A ledger, a price table, and the providers that spans and metrics go to. Clones are cheap and share the engine.
#[derive(Clone)]
pub struct Engine(Arc<Core>);

/// A weak reference to an [`Engine`].
#[derive(Clone)]
pub struct WeakEngine(Weak<Core>);

impl WeakEngine {
    /// Returns the engine, or `None` if it has been dropped.
    pub fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl Engine {
    /// Returns an engine with these settings.
    pub fn new(mut settings: Settings) -> Self {
        let policy = std::mem::take(&mut settings.policy);
        let engine = Self(Core::new(settings));
        engine.set_policy(policy);
        engine
    }

    /// Returns the engine of a scope. It serves every call in the scope, whichever client makes the call.
    pub fn of(scope: &TracedScope) -> Self {
        Self(scope.core().clone())
    }

    /// Replaces the policy for tasks that start from now on. The stops of the new policy also apply to open tasks.
    pub fn set_policy(&self, policy: Policy) {
        self.0.ledger.set_policy(policy);
        let compares = self.0.ledger.runaway().is_some_and(|rule| rule.compares_calls());
        // Never switched off: an open task keeps the rule that it started with.
        self.0.compares_calls.fetch_or(compares, Ordering::Relaxed);
    }

    /// Returns a weak reference to the engine.
    pub fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// Opens a task: inside the current scope if that belongs to this engine, else as a root.
    pub fn open_task(&self, spec: TaskSpec) -> OpenScope {
        task_opened();
        OpenScope::task(&self.0, spec)
    }

    /// Opens a task that another process asked for: a root in this process, below the caller's span. Dimensions that `spec`
    /// does not set are taken from the caller.
    pub fn open_task_for(&self, spec: TaskSpec, incoming: &Incoming) -> OpenScope {
        task_opened();
        OpenScope::task_for(&self.0, spec.caller(incoming.caller().clone()), incoming)
    }

    /// Returns the totals of the calls outside any task.
    pub fn unattributed(&self) -> Totals {
        self.0.ledger.unattributed().totals()
    }

    /// Returns how much of the known cost carries each dimension.
    pub fn attribution(&self) -> Attribution {
        self.0.metrics.attribution()
    }

    /// Returns the open tasks, the most expensive first.
    pub fn open_tasks(&self) -> Vec<OpenTask> {
        self.0.open_tasks.list(self.now())
    }

    /// Returns the number of open tasks.
    pub fn open_tasks_count(&self) -> usize {
        self.0.open_tasks.count()
    }

    /// Returns the price table in force.
    pub fn prices(&self) -> Prices {
        self.0.prices()
    }

    /// Replaces the price table for all calls that settle from now on. Settled calls keep their price, and resolved models
    /// stay resolved.
    pub fn set_prices(&self, prices: Prices) {
        self.0.models.set_prices(prices);
    }

    /// Replaces the budget rules for tasks that start from now on and for calls outside tasks. A budget with the same name
    /// keeps what it has spent, unless its unit or its period changes: then it starts at zero.
    pub fn set_budget_rules(&self, rules: Vec<BudgetRule>) {
        self.0.ledger.set_budget_rules(rules);
    }

    /// Returns whether several processes share the budgets of rules. A call with such a budget asks a store before it
    /// is sent.
    pub fn has_budget_store(&self) -> bool {
        self.0.ledger.has_budget_store()
    }

    /// Returns what to do when a stream is dropped before its end.
    pub fn dropped_stream(&self) -> DroppedStream {
        self.0.dropped_stream
    }

    /// Returns the keys of the attributes that go into the request metadata, for the provider's own log.
    pub fn request_metadata_keys(&self) -> &[Arc<str>] {
        &self.0.request_metadata
    }

    /// Returns whether requests are compared with each other, to detect a runaway.
    pub fn compares_calls(&self) -> bool {
        self.0.compares_calls.load(Ordering::Relaxed)
    }

    /// Returns whether a call that a budget refuses may be downgraded.
    pub fn downgrades(&self) -> bool {
        self.0.on_refusal.is_set()
    }

    /// Returns how to downgrade a call that a budget refuses, or `None` to refuse it.
    pub fn downgrade_of(&self, refusal: &BudgetExceeded) -> Option<Downgrade> {
        self.0.on_refusal.decide(refusal)
    }

    /// Returns the extension of the settings, if it has this type.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.extension.as_ref()?.downcast_ref()
    }

    /// Returns whether metering is disabled.
    pub fn is_disabled(&self) -> bool {
        self.0.disabled
    }

    /// Returns the current time of the ledger's clock.
    pub fn now(&self) -> SystemTime {
        self.0.now()
    }

    /// Closes the finished scopes that have waited longer than the late limit. A background thread does this anyway;
    /// call it if you inject a clock.
    pub fn close_overdue(&self) {
        self.0.ledger.close_overdue();
    }

    /// Returns a shared copy of a text that occurs often, such as a model id.
    pub fn intern(&self, text: &str) -> Arc<str> {
        self.0.texts.intern(text)
    }
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Engine {}

impl AsRef<Self> for Engine {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for WeakEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakEngine").finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("ledger", &self.0.ledger).finish_non_exhaustive()
    }
}
