use std::sync::Arc;

use outlay_price::Usd;

use crate::alert::ReportedAlerts;
use crate::budget::BudgetCell;
use crate::ledger_state::LedgerState;
use crate::money::RunningTotal;
use crate::policy::RulesOfTask;
use crate::runaway::Watch;
use crate::stop::TaskStop;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use crate::task::TaskWords;
use crate::{BudgetExceeded, Caller, Outcome, Refusal, RefusedCalls, Stopped, TaskFacts};

/// The maximum number of refused calls in a report.
pub(super) const MAX_REFUSED_RECORDS: u32 = 20;
/// The maximum number of refusals that are kept.
const MAX_REFUSALS: usize = 100;

/// The state that all scopes of a task share.
pub(crate) struct TaskState {
    pub(crate) facts: Arc<TaskFacts>,
    /// Whether it is the task for work outside any task.
    pub(super) is_unattributed: bool,
    /// The caller in another process, if it asked for the task.
    pub(super) caller: Option<Caller>,
    /// Whether it is the caller's own task, which continues here.
    pub(super) joins: bool,
    pub(super) conversation: Option<Arc<str>>,
    pub(super) outer: Option<Arc<TaskState>>,
    pub(super) running: RunningTotal,
    /// The task's own budgets.
    pub(super) budgets: Box<[Arc<BudgetCell>]>,
    /// The first 100 refusals by budgets that do not belong to a task.
    pub(super) refusals: Mutex<Vec<BudgetExceeded>>,
    /// The calls that something other than a budget refused.
    pub(super) non_budget_refusals: Mutex<Option<RefusedCalls>>,
    pub(super) stop: TaskStop,
    /// The alerts reported for the task.
    pub(super) reported_alerts: Mutex<ReportedAlerts>,
    /// The runaway detection, if there is a rule.
    pub(super) watch: Option<Watch>,
    pub(super) policy: RulesOfTask,
    pub(super) outcome: Mutex<Option<Outcome>>,
    /// The number of further records that the task's report keeps.
    pub(super) records_left: AtomicU32,
    /// The number of these that may be of refused calls.
    pub(super) refused_records_left: AtomicU32,
    /// The number of the task's calls that budgets refused.
    pub(crate) refused_by_budgets: AtomicU64,
    pub(crate) ledger: Arc<LedgerState>,
}

impl TaskState {
    /// Adds to the running totals of this task and the tasks around it.
    pub(crate) fn spend(&self, cost: Usd, calls: u64) {
        for task in self.chain() {
            task.running.add(cost, calls);
        }
    }

    /// Returns this task and the tasks around it, innermost first.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |task| task.outer.as_deref())
    }

    pub(crate) const fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Returns the refusal for a call if this task, a task around it, or a kind of either is stopped.
    pub(crate) fn stopped(&self, model: &Arc<str>) -> Option<Stopped> {
        let of_task = |task: &Self| task.stop.find(&task.facts.name, model);
        let of_kind = |task: &Self| self.ledger.stops.find(&task.words(), model);
        self.chain().find_map(|task| of_task(task).or_else(|| of_kind(task)))
    }

    /// Counts a refused call, except refusals by budgets, which count their own.
    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        if matches!(refusal, Refusal::Budget(_)) {
            return;
        }
        match &mut *lock(&self.non_budget_refusals) {
            Some(refused) => refused.calls += 1,
            none => *none = Some(RefusedCalls { first: refusal.clone(), calls: 1 }),
        }
    }

    pub(crate) fn words(&self) -> TaskWords<'_> {
        let conversation = self.conversation.as_deref();
        TaskWords { name: &self.facts.name, conversation, dimensions: &self.facts.dimensions }
    }

    /// Keeps a refusal by a budget that does not belong to a task, since no task budget lists it.
    pub(crate) fn keep_refusal(&self, refusal: &BudgetExceeded) {
        let mut refusals = lock(&self.refusals);
        if refusals.len() < MAX_REFUSALS {
            refusals.push(refusal.clone());
        }
    }

    /// Takes room for a record in the report of this task and of the tasks around it. Returns whether all had room.
    pub(super) fn keep_record(&self) -> bool {
        let take = |task: &Self| {
            let left = &task.records_left;
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        };
        let Some(full) = self.chain().position(|task| !take(task)) else {
            return true;
        };
        for task in self.chain().take(full) {
            task.records_left.fetch_add(1, Ordering::Relaxed);
        }
        false
    }
}

/// Drops the outer tasks in a loop, because recursion over a long chain would overflow the stack.
impl Drop for TaskState {
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(mut task) = next.and_then(Arc::into_inner) {
            next = task.outer.take();
        }
    }
}
