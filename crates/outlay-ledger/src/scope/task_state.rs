use std::sync::Arc;

use outlay_price::Usd;

use crate::alert::SeenAlerts;
use crate::budget::BudgetCell;
use crate::ground::Ground;
use crate::money::RunningTotal;
use crate::policy::RulesOfTask;
use crate::runaway::Watch;
use crate::stop::TaskStop;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use crate::task::TaskWords;
use crate::{BudgetExceeded, Caller, Outcome, Refusal, RefusedCalls, Stopped, TaskFacts};

/// The most refused calls that a report keeps.
pub(super) const MAX_REFUSED_RECORDS: u32 = 20;
/// As many refusals are remembered.
const MAX_REFUSALS: usize = 100;

/// What all scopes of a task share.
pub(crate) struct TaskState {
    pub(crate) facts: Arc<TaskFacts>,
    /// Whether it stands for the work that belongs to no task.
    pub(super) is_unattributed: bool,
    /// Who asked for it from another process.
    pub(super) caller: Option<Caller>,
    /// Whether it is the caller's own task that goes on here.
    pub(super) joins: bool,
    pub(super) conversation: Option<Arc<str>>,
    pub(super) outer: Option<Arc<TaskState>>,
    pub(super) running: RunningTotal,
    /// The task's own budgets.
    pub(super) budgets: Box<[Arc<BudgetCell>]>,
    /// What was refused here by budgets that are no task's; the first 100.
    pub(super) refusals: Mutex<Vec<BudgetExceeded>>,
    /// What was refused here by other than budgets.
    pub(super) refused_otherwise: Mutex<Option<RefusedCalls>>,
    pub(super) stop: TaskStop,
    /// The alerts reported for the task.
    pub(super) seen_alerts: Mutex<SeenAlerts>,
    /// Where tasks are watched.
    pub(super) watch: Option<Watch>,
    pub(super) policy: RulesOfTask,
    pub(super) outcome: Mutex<Option<Outcome>>,
    /// How many more records the task's report keeps.
    pub(super) records_left: AtomicU32,
    /// Of these, how many may be of refused calls.
    pub(super) refused_records_left: AtomicU32,
    /// The number of its calls that budgets have refused.
    pub(crate) refused_by_budgets: AtomicU64,
    pub(crate) ground: Arc<Ground>,
}

impl TaskState {
    /// Adds to the running totals of this task and of those around it.
    pub(crate) fn spend(&self, cost: Usd, calls: u64) {
        for task in self.chain() {
            task.running.add(cost, calls);
        }
    }

    /// This task, and those around it.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |task| task.outer.as_deref())
    }

    pub(crate) const fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Why a call in this task is refused: it is stopped itself, or a task around it, or all of their kind.
    pub(crate) fn stopped(&self, model: &Arc<str>) -> Option<Stopped> {
        let of_task = |task: &Self| task.stop.find(&task.facts.name, model);
        let of_kind = |task: &Self| self.ground.stops.find(&task.words(), model);
        self.chain().find_map(|task| of_task(task).or_else(|| of_kind(task)))
    }

    /// Counts a call that was refused by something other than a budget, which counts its own.
    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        if matches!(refusal, Refusal::Budget(_)) {
            return;
        }
        match &mut *lock(&self.refused_otherwise) {
            Some(refused) => refused.calls += 1,
            none => *none = Some(RefusedCalls { first: refusal.clone(), calls: 1 }),
        }
    }

    pub(crate) fn words(&self) -> TaskWords<'_> {
        let conversation = self.conversation.as_deref();
        TaskWords { name: &self.facts.name, conversation, dimensions: &self.facts.dimensions }
    }

    /// Remembers a refusal of a budget that no task has, and that therefore nobody else remembers.
    pub(crate) fn remember(&self, refusal: &BudgetExceeded) {
        let mut refusals = lock(&self.refusals);
        if refusals.len() < MAX_REFUSALS {
            refusals.push(refusal.clone());
        }
    }

    /// Whether the report has room for one more record, and so have those of the tasks around, which hold it too.
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

/// As for scopes: a long chain is not dropped by recursion.
impl Drop for TaskState {
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(mut task) = next.and_then(Arc::into_inner) {
            next = task.outer.take();
        }
    }
}
