use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use crate::alert::{Alert, Observer};
use crate::budget::BudgetRules;
use crate::callback::Guarded;
use crate::clock::{Clock, GuardedClock, SystemClock};
use crate::id_source::{IdSource, TimeOrderedIds};
use crate::ledger_state::LedgerState;
use crate::policy::PolicyRules;
use crate::stop::Stops;
use crate::sweeper::Sweeper;
use crate::sync::RwLock;
use crate::{
    BudgetRule, BudgetStore, BudgetsInForce, Dimensions, OutcomeId, Policy, RunawayRule, Scope, StopTarget, TaskSpec,
};

/// How long a finished scope waits for open work in it, by default.
const LATE_LIMIT: Duration = Duration::from_secs(60);
/// The maximum number of calls, charges and scopes in a task's report, by default.
const REPORT_RECORDS: u32 = 1_000;

/// Opens tasks, and closes finished ones that wait too long. Clones are cheap and share the same ledger.
#[derive(Clone)]
pub struct Ledger {
    ledger: Arc<LedgerState>,
    unattributed: Scope,
    /// The rule that the code has set. It applies if the policy has none.
    code_runaway: Option<RunawayRule>,
    late_limit: Duration,
}

/// A builder for a [`Ledger`].
#[derive(Debug)]
#[must_use]
pub struct LedgerBuilder {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    late_limit: Duration,
    report_records: u32,
    dimensions: Dimensions,
    budget_rules: Vec<BudgetRule>,
    runaway: Option<RunawayRule>,
    alert_observer: Option<Arc<Observer>>,
    budget_store: Option<Arc<dyn BudgetStore>>,
}

impl Ledger {
    /// Returns a builder for a ledger with other than the default settings.
    pub fn builder() -> LedgerBuilder {
        LedgerBuilder::default()
    }

    /// Replaces the budget rules for tasks that start from now on and for calls outside any task. A budget with the same
    /// name keeps what has been spent; one with another unit or period starts at zero.
    pub fn set_budget_rules(&self, rules: Vec<BudgetRule>) {
        let now = self.ledger.times();
        let _reload = self.ledger.reload.write().unwrap_or_else(PoisonError::into_inner);
        self.ledger.budget_rules.set(rules);
        self.unattributed.renew_rules(now);
    }

    /// Replaces the policy for tasks that start from now on; its stops also apply to open tasks. A budget with the same
    /// name keeps what has been spent. Settings made in code stay.
    pub fn set_policy(&self, policy: Policy) {
        let Policy { budgets, stops, runaway, rules, .. } = policy;
        let now = self.ledger.times();
        let _reload = self.ledger.reload.write().unwrap_or_else(PoisonError::into_inner);
        self.ledger.budget_rules.set_policy_rules(budgets);
        self.ledger.policy.set(rules);
        *self.ledger.runaway.write().unwrap_or_else(PoisonError::into_inner) = runaway.or(self.code_runaway);
        self.ledger.stops.set_policy_stops(&stops);
        self.unattributed.renew_rules(now);
    }

    /// Returns the budgets of the rules, to be read at any time.
    pub fn budgets_in_force(&self) -> BudgetsInForce {
        let LedgerState { budget_rules, clock, budget_store, .. } = &*self.ledger;
        BudgetsInForce { rules: budget_rules.clone(), clock: clock.clone(), store: budget_store.clone() }
    }

    /// Returns the runaway rule for tasks that start now.
    pub fn runaway(&self) -> Option<RunawayRule> {
        self.ledger.runaway()
    }

    /// Stops all tasks of a kind: their next calls are refused. To stop a single task, use [`Scope::stop`].
    pub fn stop(&self, target: &StopTarget, reason: &str) {
        self.ledger.stops.add(target, reason);
    }

    /// Resumes the tasks of a kind. Returns whether they were stopped.
    pub fn resume(&self, target: &StopTarget) -> bool {
        self.ledger.stops.remove(target)
    }

    /// Opens a task.
    pub fn task(&self, spec: TaskSpec) -> Scope {
        Scope::new_task(&self.ledger, spec, self.ledger.report_records)
    }

    /// Returns the scope for calls outside any task. It never ends, and keeps totals but no records.
    pub const fn unattributed(&self) -> &Scope {
        &self.unattributed
    }

    /// Returns whether several processes share the budgets of rules.
    pub fn has_budget_store(&self) -> bool {
        self.ledger.budget_store.is_some()
    }

    /// Returns a new id for an outcome token.
    pub fn new_outcome_id(&self) -> OutcomeId {
        OutcomeId::new(self.ledger.ids.next_id())
    }

    /// Returns the current time by the ledger's clock.
    pub fn now(&self) -> SystemTime {
        self.ledger.now()
    }

    /// Closes the finished scopes that have waited longer than the late limit, by the ledger's clock. A background thread
    /// does this regularly; call it yourself if the clock is set by hand.
    pub fn close_overdue(&self) {
        self.ledger.sweeper.close_overdue();
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("late_limit", &self.late_limit).finish_non_exhaustive()
    }
}

impl Default for LedgerBuilder {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
            late_limit: LATE_LIMIT,
            report_records: REPORT_RECORDS,
            dimensions: Dimensions::default(),
            budget_rules: Vec::new(),
            runaway: None,
            alert_observer: None,
            budget_store: None,
        }
    }
}

impl LedgerBuilder {
    /// Sets the clock. Defaults to the system clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(GuardedClock::new(clock));
        self
    }

    /// Sets the source of ids. Defaults to version 7 UUIDs.
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Arc::new(Guarded(ids));
        self
    }

    /// Sets how long a finished scope waits for open work in it. Defaults to 60 seconds.
    pub const fn late_limit(mut self, limit: Duration) -> Self {
        self.late_limit = limit;
        self
    }

    /// Sets the maximum number of calls, charges and scopes in a task's report. Totals always count all. Defaults to
    /// 1,000.
    pub const fn report_records(mut self, records: u32) -> Self {
        self.report_records = records;
        self
    }

    /// Sets default dimensions for all tasks and for work outside any task. Defaults to none.
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// Adds a budget rule. Defaults to none.
    pub fn budget_rule(mut self, rule: BudgetRule) -> Self {
        self.budget_rules.push(rule);
        self
    }

    /// Sets the runaway rule. It applies if the policy has none. Defaults to none.
    pub const fn runaway(mut self, rule: RunawayRule) -> Self {
        self.runaway = Some(rule);
        self
    }

    /// Sets the function that receives alerts. It runs on the path of a call and should return quickly. Defaults to none.
    pub fn on_alert(mut self, observer: impl Fn(&Alert<'_>) + Send + Sync + 'static) -> Self {
        self.alert_observer = Some(Arc::new(Observer::new(observer)));
        self
    }

    /// Sets the store that shares the budgets of rules between processes. Defaults to none: this process keeps them.
    pub fn budget_store(mut self, store: impl BudgetStore + 'static) -> Self {
        self.budget_store = Some(Arc::new(Guarded(store)));
        self
    }

    /// Returns whether several processes share the budgets of rules.
    pub const fn has_budget_store(&self) -> bool {
        self.budget_store.is_some()
    }

    /// Builds the ledger.
    pub fn build(self) -> Ledger {
        let ledger = Arc::new(LedgerState {
            sweeper: Sweeper::new(self.clock.clone(), self.late_limit),
            clock: self.clock,
            ids: self.ids,
            report_records: self.report_records,
            dimensions: self.dimensions,
            budget_rules: Arc::new(match &self.budget_store {
                Some(_) => BudgetRules::shared(),
                None => BudgetRules::default(),
            }),
            stops: Stops::default(),
            policy: PolicyRules::default(),
            reload: RwLock::default(),
            runaway: RwLock::new(self.runaway),
            alert_observer: self.alert_observer,
            budget_store: self.budget_store,
        });
        ledger.budget_rules.set(self.budget_rules);
        let unattributed = Scope::new_task(&ledger, TaskSpec::unattributed(), 0);
        Ledger { ledger, unattributed, code_runaway: self.runaway, late_limit: self.late_limit }
    }
}
