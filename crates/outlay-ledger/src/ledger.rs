use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use crate::alert::{Alert, Observer};
use crate::budget::BudgetRules;
use crate::callback::Guarded;
use crate::clock::{Clock, GuardedClock, SystemClock};
use crate::ground::Ground;
use crate::id_source::{IdSource, TimeOrderedIds};
use crate::policy::PolicyRules;
use crate::stop::Stops;
use crate::sweeper::Sweeper;
use crate::sync::RwLock;
use crate::{BudgetRule, BudgetStore, Dimensions, Policy, RunawayRule, Scope, StopTarget, TaskSpec};

/// A finished scope waits at most this long for what is open in it.
const LATE_LIMIT: Duration = Duration::from_secs(60);
/// A task's report keeps at most this many calls, charges and scopes.
const REPORT_RECORDS: u32 = 1_000;

/// Opens tasks, and closes those that took too long. Cloning it is cheap and means the same ledger.
#[derive(Clone)]
pub struct Ledger {
    ground: Arc<Ground>,
    unattributed: Scope,
    /// The rule that the code has set. It holds where the policy has none.
    own_runaway: Option<RunawayRule>,
    late_limit: Duration,
}

/// Sets up a [`Ledger`].
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
    /// A ledger with other than the default settings.
    pub fn builder() -> LedgerBuilder {
        LedgerBuilder::default()
    }

    /// Puts other budget rules in force, for tasks that start from now on, and for calls in none. A budget that goes by the same name keeps what
    /// has been spent of it; one that counts something else, or over another period, begins anew.
    pub fn set_budget_rules(&self, rules: Vec<BudgetRule>) {
        let _alone = self.ground.reload.write().unwrap_or_else(PoisonError::into_inner);
        self.ground.budget_rules.set(rules);
        self.unattributed.renew_rules();
    }

    /// Puts another policy in force, for tasks that start from now on; its stops hold the open ones too. A budget that
    /// goes by the same name keeps what has been spent of it, and what the code has set stays.
    pub fn set_policy(&self, policy: Policy) {
        let Policy { budgets, stops, runaway, rules, .. } = policy;
        let _alone = self.ground.reload.write().unwrap_or_else(PoisonError::into_inner);
        self.ground.budget_rules.set_of_policy(budgets);
        self.ground.policy.set(rules);
        *self.ground.runaway.write().unwrap_or_else(PoisonError::into_inner) = runaway.or(self.own_runaway);
        self.ground.stops.set_of_policy(&stops);
        self.unattributed.renew_rules();
    }

    /// When a task that starts now looks like one that does not end by itself.
    pub fn runaway(&self) -> Option<RunawayRule> {
        self.ground.runaway()
    }

    /// Stops a kind of tasks: their next calls are refused. One task is stopped by its scope.
    pub fn stop(&self, target: &StopTarget, reason: &str) {
        self.ground.stops.add(target, reason);
    }

    /// Lets a kind of tasks go on; true if it was stopped.
    pub fn resume(&self, target: &StopTarget) -> bool {
        self.ground.stops.remove(target)
    }

    /// Opens a task.
    pub fn task(&self, spec: TaskSpec) -> Scope {
        Scope::new_task(&self.ground, spec, self.ground.report_records)
    }

    /// The task that calls outside any task belong to. It never ends, and keeps totals but no records.
    pub const fn unattributed(&self) -> &Scope {
        &self.unattributed
    }

    /// Whether several processes share the budgets of rules.
    pub fn has_budget_store(&self) -> bool {
        self.ground.budget_store.is_some()
    }

    /// The time, by the ledger's clock.
    pub fn now(&self) -> SystemTime {
        self.ground.now()
    }

    /// Closes the finished scopes that have waited for longer than the late limit, by the ledger's clock. A thread of its
    /// own does this; it is public for those whose clock stands still.
    pub fn close_overdue(&self) {
        self.ground.sweeper.close_overdue();
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
    /// Where the time comes from. Defaults to the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(GuardedClock::new(clock));
        self
    }

    /// Where ids come from. Defaults to UUIDs of version 7.
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Arc::new(Guarded(ids));
        self
    }

    /// How long a finished scope waits for what is open in it. Defaults to 60 seconds.
    pub const fn late_limit(mut self, limit: Duration) -> Self {
        self.late_limit = limit;
        self
    }

    /// How many calls, charges and scopes a task's report keeps. Totals count all. Defaults to 1,000.
    pub const fn report_records(mut self, records: u32) -> Self {
        self.report_records = records;
        self
    }

    /// Whose every task is that does not say otherwise, and all that is in no task. Defaults to nobody's.
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// Adds a budget that holds all tasks of a kind. Defaults to none.
    pub fn budget_rule(mut self, rule: BudgetRule) -> Self {
        self.budget_rules.push(rule);
        self
    }

    /// When a task looks like one that does not end by itself. Defaults to never.
    pub const fn runaway(mut self, rule: RunawayRule) -> Self {
        self.runaway = Some(rule);
        self
    }

    /// Told of what somebody should know while it happens. Called on the path of a call: it should return soon. Defaults
    /// to nobody.
    pub fn on_alert(mut self, observer: impl Fn(&Alert<'_>) + Send + Sync + 'static) -> Self {
        self.alert_observer = Some(Arc::new(Observer::new(observer)));
        self
    }

    /// What holds the budgets of rules, where several processes share them. Defaults to this process by itself.
    pub fn budget_store(mut self, store: impl BudgetStore + 'static) -> Self {
        self.budget_store = Some(Arc::new(Guarded(store)));
        self
    }

    /// Returns whether several processes share the budgets of rules.
    pub const fn has_budget_store(&self) -> bool {
        self.budget_store.is_some()
    }

    /// The ledger.
    pub fn build(self) -> Ledger {
        let ground = Arc::new(Ground {
            sweeper: Sweeper::new(self.clock.clone(), self.late_limit),
            clock: self.clock,
            ids: self.ids,
            report_records: self.report_records,
            dimensions: self.dimensions,
            budget_rules: if self.budget_store.is_some() { BudgetRules::shared() } else { BudgetRules::default() },
            stops: Stops::default(),
            policy: PolicyRules::default(),
            reload: RwLock::default(),
            runaway: RwLock::new(self.runaway),
            alert_observer: self.alert_observer,
            budget_store: self.budget_store,
        });
        ground.budget_rules.set(self.budget_rules);
        let unattributed = Scope::new_task(&ground, TaskSpec::unattributed(), 0);
        Ledger { ground, unattributed, own_runaway: self.runaway, late_limit: self.late_limit }
    }
}
