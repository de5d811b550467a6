use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use crate::alert::Observer;
use crate::budget::{BudgetRules, Times};
use crate::clock::Clock;
use crate::id_source::IdSource;
use crate::policy::PolicyRules;
use crate::stop::Stops;
use crate::sweeper::Sweeper;
use crate::sync::{RwLock, RwLockReadGuard};
use crate::{BudgetStore, Dimensions, RunawayRule};

/// The state that all scopes of a ledger share: clock, ids, limits, and the rules in force.
pub(crate) struct LedgerState {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    /// The maximum number of records in a task's report.
    pub(crate) report_records: u32,
    /// The default dimensions of tasks.
    pub(crate) dimensions: Dimensions,
    pub(crate) budget_rules: Arc<BudgetRules>,
    pub(crate) stops: Stops,
    pub(crate) policy: PolicyRules,
    /// Write-locked while a policy is replaced, so that a task that starts then reads one policy and not parts of two.
    pub(crate) reload: RwLock<()>,
    /// The runaway rule in force.
    pub(crate) runaway: RwLock<Option<RunawayRule>>,
    pub(crate) alert_observer: Option<Arc<Observer>>,
    pub(crate) budget_store: Option<Arc<dyn BudgetStore>>,
    pub(crate) sweeper: Sweeper,
}

impl LedgerState {
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Returns the time by both clocks.
    pub(crate) fn times(&self) -> Times {
        Times { wall: self.clock.now(), monotonic: self.clock.monotonic() }
    }

    /// Keeps the policy from being replaced until the guard is dropped.
    pub(crate) fn hold_policy(&self) -> RwLockReadGuard<'_, ()> {
        self.reload.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn runaway(&self) -> Option<RunawayRule> {
        *self.runaway.read().unwrap_or_else(PoisonError::into_inner)
    }
}
