//! The tree of scopes of a task.

mod check_policy;
mod closing;
mod external_charge;
mod keep_open;
mod opening;
mod read_tree;
mod runaway_signs;
mod scope_budgets;
mod scope_state;
mod task_spec;
mod task_state;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use outlay_price::Usd;
use uuid::Uuid;

use crate::alert::{AlertSource, Observer};
use crate::budget::HeldBy;
use crate::record::TaskRecord;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};
use crate::{
    AgentId, Caller, CostKind, Dimensions, Outcome, ReceiptId, RefusedCalls, RemoteId, ScopeKind, StepId, StepKind,
    TaskFacts, TaskId,
};

use scope_state::ScopeState;
use task_state::TaskState;

pub(crate) use check_policy::push_violation;
pub use closing::ClosedScope;
pub use external_charge::ChargedScope;
pub use keep_open::Hold;
pub(crate) use scope_state::ReceiptWait;
pub use task_spec::TaskSpec;

/// The maximum depth of scopes in a report.
const MAX_DEPTH: u32 = 128;

/// A reference to a [`Scope`] that does not keep it alive.
#[derive(Clone)]
pub struct WeakScope(Weak<Inner>);

/// A task, an agent or a step, in which calls and charges are made. Clones are cheap and refer to the same scope.
#[derive(Clone)]
pub struct Scope(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    id: Uuid,
    kind: ScopeKind,
    cost_kind: CostKind,
    name: Arc<str>,
    started: SystemTime,
    parent: Option<Scope>,
    agent: Option<Weak<Inner>>,
    pub(crate) task: Arc<TaskState>,
    pub(crate) budgets: HeldBy,
    /// Whether it is not in its task's total, because the task had closed when this scope was opened.
    late: bool,
    /// Whether the report has room for it. This is decided when the scope opens, because the largest scopes close last.
    kept: bool,
    /// The number of scopes around it.
    depth: u32,
    /// Its index in the open children of its parent. Written under the parent's lock.
    index: AtomicUsize,
    /// The key of this scope in the sweeper's queue.
    waiting: AtomicU64,
    state: Mutex<ScopeState>,
}

impl Scope {
    /// Returns a reference that does not keep the scope alive.
    pub fn downgrade(&self) -> WeakScope {
        WeakScope(Arc::downgrade(&self.0))
    }

    /// Returns whether this is the scope for calls outside any task.
    pub fn is_unattributed(&self) -> bool {
        self.0.task.is_unattributed
    }

    /// Returns this scope if it is open, or else the nearest open scope around it; the root if all have closed.
    ///
    /// Work that is opened in a closed scope is counted there, so that no cost is lost and no final total changes.
    pub(crate) fn open_ancestor(&self) -> Self {
        let mut scope = self;
        loop {
            match &scope.0.parent {
                Some(parent) if scope.is_shut() => scope = parent,
                _ => return scope.clone(),
            }
        }
    }

    /// Returns whether this scope is `other` or lies inside it.
    pub fn is_within(&self, other: &Self) -> bool {
        let mut scope = Some(self);
        while let Some(inner) = scope {
            if inner == other {
                return true;
            }
            scope = inner.0.parent.as_ref();
        }
        false
    }

    /// Returns the kind of scope.
    pub fn kind(&self) -> &ScopeKind {
        &self.0.kind
    }

    /// Returns the kind under which costs in this scope are counted.
    pub fn cost_kind(&self) -> &CostKind {
        &self.0.cost_kind
    }

    /// Returns the scope's name.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Returns when the scope started.
    pub fn started(&self) -> SystemTime {
        self.0.started
    }

    /// Returns when the scope's own code ended, or `None` if it still runs.
    pub fn ended(&self) -> Option<SystemTime> {
        lock(&self.0.state).ended()
    }

    /// Returns the enclosing scope.
    pub fn parent(&self) -> Option<&Self> {
        self.0.parent.as_ref()
    }

    /// Returns the id of the innermost task that the scope belongs to.
    pub fn task_id(&self) -> TaskId {
        self.0.task.facts.id
    }

    /// Returns the id of the run of the task. Two parts of one task in this process have different ones.
    pub fn run_id(&self) -> ReceiptId {
        self.0.task.facts.run
    }

    /// Returns the caller in another process that asked for the task, if any.
    pub fn caller(&self) -> Option<&Caller> {
        self.0.task.caller.as_ref()
    }

    /// Returns whether the task, or a task around it, is this remote work.
    pub fn answers(&self, remote: RemoteId) -> bool {
        self.0.task.chain().any(|task| task.caller.as_ref().and_then(Caller::remote_id) == Some(remote))
    }

    /// Returns the caller, if the task is the caller's own and continues here.
    pub fn joined(&self) -> Option<&Caller> {
        self.caller().filter(|_| self.0.task.joins)
    }

    /// Returns the ids, the name and the dimensions of the task.
    pub fn task_facts(&self) -> &Arc<TaskFacts> {
        &self.0.task.facts
    }

    /// Returns the name of the task.
    pub fn task_name(&self) -> &Arc<str> {
        &self.0.task.facts.name
    }

    /// Returns the dimensions of the task.
    pub fn dimensions(&self) -> &Arc<Dimensions> {
        &self.0.task.facts.dimensions
    }

    /// Returns the conversation that the task is part of, if any.
    pub fn conversation(&self) -> Option<&Arc<str>> {
        self.0.task.conversation.as_ref()
    }

    /// Returns the agent that the scope is or lies in, with its name.
    pub fn agent_in_scope(&self) -> Option<(AgentId, Arc<str>)> {
        self.agent_scope().map(|agent| (AgentId::new(agent.0.id), agent.0.name.clone()))
    }

    /// Returns the step that the scope is, with its kind and name.
    pub fn step_in_scope(&self) -> Option<(StepId, &StepKind, &Arc<str>)> {
        match &self.0.kind {
            ScopeKind::Step(kind) => Some((StepId::new(self.0.id), kind, &self.0.name)),
            ScopeKind::Task | ScopeKind::Agent => None,
        }
    }

    /// Returns whether the scope is a task that is not inside another task of this process.
    pub fn is_root(&self) -> bool {
        self.0.parent.is_none()
    }

    /// Returns whether costs in this scope are not in its task's total, because the task had closed before.
    pub fn is_late(&self) -> bool {
        self.0.late || (self.is_root() && self.is_shut())
    }

    /// Returns the task's known cost and number of calls so far.
    pub fn running(&self) -> (Usd, u64) {
        self.0.task.running.sum()
    }

    /// Stops the task and all tasks inside it: their next calls are refused. A later reason replaces an earlier one.
    pub fn stop(&self, reason: &str) {
        self.0.task.stop.set(reason);
    }

    /// Resumes the task. Returns whether it was stopped.
    pub fn resume(&self) -> bool {
        if let Some(watch) = &self.0.task.watch {
            watch.reset();
        }
        self.0.task.stop.clear()
    }

    /// Returns the reason of the stop, if the task is stopped.
    pub fn stop_reason(&self) -> Option<Arc<str>> {
        self.0.task.stop.reason()
    }

    /// Returns the calls of the task that something other than a budget refused: a stop, or the policy.
    pub fn non_budget_refusals(&self) -> Option<RefusedCalls> {
        lock(&self.0.task.non_budget_refusals).clone()
    }

    /// Returns the outcome of the task, if it is set.
    pub fn outcome(&self) -> Option<Outcome> {
        *lock(&self.0.task.outcome)
    }

    /// Sets the outcome of the task. A later one replaces an earlier one.
    pub fn set_outcome(&self, outcome: Outcome) {
        *lock(&self.0.task.outcome) = Some(outcome);
    }

    /// Marks the scope as failed, so that its cost counts as failed cost. The first reason is kept, cut to 256
    /// characters.
    pub fn fail(&self, reason: &str) {
        let reason = reason.chars().take(256).collect::<String>();
        lock(&self.0.state).fail(reason.into());
    }

    /// Returns the reason of the scope's failure, if it failed.
    pub fn failure(&self) -> Option<Arc<str>> {
        lock(&self.0.state).failure().cloned()
    }

    /// Returns a snapshot of the scope's task, with the tree below this scope.
    pub fn task_record(&self) -> TaskRecord {
        TaskRecord {
            id: self.task_id(),
            root: self.record(),
            dimensions: (**self.dimensions()).clone(),
            outcome: self.outcome().unwrap_or(Outcome::abandoned()),
            budget: self.budget(),
            refusals: self.refusals(),
            refused_by_budgets: self.0.task.refused_by_budgets.load(Ordering::Relaxed),
            non_budget_refusals: self.non_budget_refusals(),
        }
    }

    /// Returns the innermost step of the same task that the scope is or lies in.
    fn innermost_step(&self) -> Option<&StepKind> {
        let mut scope = self;
        loop {
            match &scope.0.kind {
                ScopeKind::Step(kind) => return Some(kind),
                ScopeKind::Task => return None,
                ScopeKind::Agent => scope = scope.0.parent.as_ref()?,
            }
        }
    }

    fn agent_scope(&self) -> Option<Self> {
        match self.0.kind {
            ScopeKind::Agent => Some(self.clone()),
            _ => self.0.agent.as_ref()?.upgrade().map(Self),
        }
    }

    /// Returns whether the scope has closed, so that its totals are final.
    pub fn is_closed(&self) -> bool {
        lock(&self.0.state).is_closed()
    }

    fn is_shut(&self) -> bool {
        lock(&self.0.state).is_shut()
    }
}

impl WeakScope {
    /// Returns the scope, or `None` if it has been dropped.
    pub fn upgrade(&self) -> Option<Scope> {
        self.0.upgrade().map(Scope)
    }
}

impl fmt::Debug for WeakScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakScope").finish_non_exhaustive()
    }
}

impl AlertSource for Scope {
    fn facts(&self) -> &TaskFacts {
        &self.0.task.facts
    }

    fn alert_observer(&self) -> Option<&Observer> {
        self.0.task.ledger.alert_observer.as_deref()
    }

    fn record_alert(&self, key: &str) -> (bool, bool) {
        let in_task = lock(&self.0.task.reported_alerts).insert(key);
        (in_task, lock(&self.0.state).reported_alerts.get_or_insert_default().insert(key))
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Scope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("kind", &self.0.kind).field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// Drops the parents in a loop, because recursion over a long chain of scopes would overflow the stack.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut inner) = next.and_then(|scope| Arc::into_inner(scope.0)) {
            next = inner.parent.take();
        }
    }
}

impl Inner {
    /// Returns the cost kind that steps inside start from. An agent resets it to [`CostKind::Direct`].
    fn cost_kind_of_steps(&self) -> &CostKind {
        match self.kind {
            ScopeKind::Step(_) => &self.cost_kind,
            ScopeKind::Task | ScopeKind::Agent => &CostKind::Direct,
        }
    }

    pub(crate) fn cost_kind(&self) -> &CostKind {
        &self.cost_kind
    }

    pub(crate) fn state(&self) -> &Mutex<ScopeState> {
        &self.state
    }

    /// Takes room in the report for the record of a refused call. These are limited further, because they can be many and
    /// cost nothing.
    pub(crate) fn keep_refused_record(&self) -> bool {
        let left = &self.task.refused_records_left;
        let take = |left: u32| left.checked_sub(1);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() && self.keep_record()
    }

    /// Takes room in the report for one more record in this scope. Returns whether there was room.
    pub(crate) fn keep_record(&self) -> bool {
        self.kept && self.task.keep_record()
    }

    pub(crate) fn set_waiting(&self, number: u64) {
        self.waiting.store(number, Ordering::Relaxed);
    }

    pub(crate) fn take_waiting(&self) -> Option<u64> {
        Some(self.waiting.swap(0, Ordering::Relaxed)).filter(|number| *number > 0)
    }

    /// Takes room in the report for a child scope. Scopes deeper than [`MAX_DEPTH`] are left out with all below them; the
    /// totals include them.
    fn keeps_scope(&self) -> bool {
        self.depth + 1 < MAX_DEPTH && self.keep_record()
    }

    pub(crate) fn late(&self) -> bool {
        self.late
    }
}
