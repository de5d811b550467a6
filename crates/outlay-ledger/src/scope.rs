//! The tree of a task: what each scope holds, and how it closes.

mod check_policy;
mod closing;
mod external_charge;
mod hold;
mod opening;
mod read_tree;
mod runaway_signs;
mod scope_state;
mod spend;
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
pub use hold::Hold;
pub(crate) use scope_state::Waited;
pub use task_spec::TaskSpec;

/// A report is at most so many scopes deep.
const MAX_DEPTH: u32 = 128;

/// A [`Scope`] that is not kept alive.
#[derive(Clone)]
pub struct WeakScope(Weak<Inner>);

/// A task, an agent or a step: something that calls and charges are made in. Cloning it is cheap and means the same
/// scope.
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
    /// Outside its task's sum: the task had closed when this scope was opened.
    late: bool,
    /// Whether the report has a place for it. It is taken when the scope opens, for those that hold most close last.
    kept: bool,
    /// How many scopes it lies in.
    depth: u32,
    /// Its place among the children that are open in its parent; written under the parent's lock.
    place: AtomicUsize,
    /// The key of this scope in the sweeper's queue.
    waiting: AtomicU64,
    state: Mutex<ScopeState>,
}

impl Scope {
    /// Returns a reference that does not keep the scope alive.
    pub fn downgrade(&self) -> WeakScope {
        WeakScope(Arc::downgrade(&self.0))
    }

    /// Returns whether the scope belongs to no task: calls outside any task are counted there.
    pub fn is_unattributed(&self) -> bool {
        self.0.task.is_unattributed
    }

    /// This scope while it is open, else the nearest one around it that is; the root if all have closed.
    ///
    /// What is opened in a scope that has closed is counted there, so that no money is lost and no closed total moves.
    pub(crate) fn open_ancestor(&self) -> Self {
        let mut scope = self;
        loop {
            match &scope.0.parent {
                Some(parent) if scope.is_shut() => scope = parent,
                _ => return scope.clone(),
            }
        }
    }

    /// Whether this scope is the other, or lies inside it.
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

    /// What the scope is.
    pub fn kind(&self) -> &ScopeKind {
        &self.0.kind
    }

    /// Under which kind what is spent here is counted.
    pub fn cost_kind(&self) -> &CostKind {
        &self.0.cost_kind
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// When it started.
    pub fn started(&self) -> SystemTime {
        self.0.started
    }

    /// When its own code ended, where it has.
    pub fn ended(&self) -> Option<SystemTime> {
        lock(&self.0.state).ended()
    }

    /// The scope around it.
    pub fn parent(&self) -> Option<&Self> {
        self.0.parent.as_ref()
    }

    /// The run of the task that it belongs to: of the innermost one, where tasks nest.
    pub fn task_id(&self) -> TaskId {
        self.0.task.facts.id
    }

    /// This run of it: of two parts of one task in this process, each has its own.
    pub fn run_id(&self) -> ReceiptId {
        self.0.task.facts.run
    }

    /// Who asked for the task from another process.
    pub fn caller(&self) -> Option<&Caller> {
        self.0.task.caller.as_ref()
    }

    /// Whether the task, or one around it, was asked for as this piece of work.
    pub fn answers(&self, remote: RemoteId) -> bool {
        self.0.task.chain().any(|task| task.caller.as_ref().and_then(Caller::remote_id) == Some(remote))
    }

    /// The caller, where the task is its own, and goes on here.
    pub fn joined(&self) -> Option<&Caller> {
        self.caller().filter(|_| self.0.task.joins)
    }

    /// Returns which task it is: its ids, its name and its dimensions.
    pub fn task_facts(&self) -> &Arc<TaskFacts> {
        &self.0.task.facts
    }

    /// That task's name.
    pub fn task_name(&self) -> &Arc<str> {
        &self.0.task.facts.name
    }

    /// Whose that task is.
    pub fn dimensions(&self) -> &Arc<Dimensions> {
        &self.0.task.facts.dimensions
    }

    /// The conversation that the task is part of.
    pub fn conversation(&self) -> Option<&Arc<str>> {
        self.0.task.conversation.as_ref()
    }

    /// The agent that the scope is, or lies in, with its name.
    pub fn agent_in_scope(&self) -> Option<(AgentId, Arc<str>)> {
        self.agent_scope().map(|agent| (AgentId::new(agent.0.id), agent.0.name.clone()))
    }

    /// The step that the scope is, or lies in without an agent or a task between.
    pub fn step_in_scope(&self) -> Option<(StepId, &StepKind, &Arc<str>)> {
        match &self.0.kind {
            ScopeKind::Step(kind) => Some((StepId::new(self.0.id), kind, &self.0.name)),
            ScopeKind::Task | ScopeKind::Agent => None,
        }
    }

    /// Whether the scope is a task inside no other one of this process.
    pub fn is_root(&self) -> bool {
        self.0.parent.is_none()
    }

    /// Whether money that is spent here is outside its task's sum, because the task had closed before.
    pub fn is_late(&self) -> bool {
        self.0.late || (self.is_root() && self.is_shut())
    }

    /// The task's known cost and its calls, as of now.
    pub fn running(&self) -> (Usd, u64) {
        self.0.task.running.sum()
    }

    /// Stops the task: its next call is refused, and so is that of every task inside it. The last reason holds.
    pub fn stop(&self, reason: &str) {
        self.0.task.stop.set(reason);
    }

    /// Lets the task go on; true if it was stopped.
    pub fn resume(&self) -> bool {
        if let Some(watch) = &self.0.task.watch {
            watch.reset();
        }
        self.0.task.stop.clear()
    }

    /// Why the task is stopped, if it is.
    pub fn stop_reason(&self) -> Option<Arc<str>> {
        self.0.task.stop.reason()
    }

    /// The calls in the task that were refused by other than budgets: because it was stopped, or by the policy.
    pub fn refused_otherwise(&self) -> Option<RefusedCalls> {
        lock(&self.0.task.refused_otherwise).clone()
    }

    /// How the task ended, where it has.
    pub fn outcome(&self) -> Option<Outcome> {
        *lock(&self.0.task.outcome)
    }

    /// Says how the task ended. The last word holds.
    pub fn set_outcome(&self, outcome: Outcome) {
        *lock(&self.0.task.outcome) = Some(outcome);
    }

    /// Marks the scope as failed; what was spent in it was wasted. The first reason holds.
    pub fn fail(&self, reason: &str) {
        let reason = reason.chars().take(256).collect::<String>();
        lock(&self.0.state).fail(reason.into());
    }

    /// Why the scope failed, if it did.
    pub fn failure(&self) -> Option<Arc<str>> {
        lock(&self.0.state).failure().cloned()
    }

    /// The task that the scope belongs to, as of now, with the tree below this scope.
    pub fn task_record(&self) -> TaskRecord {
        TaskRecord {
            id: self.task_id(),
            root: self.record(),
            dimensions: (**self.dimensions()).clone(),
            outcome: self.outcome().unwrap_or(Outcome::abandoned()),
            budget: self.budget(),
            refusals: self.refusals(),
            refused_by_budgets: self.0.task.refused_by_budgets.load(Ordering::Relaxed),
            refused_otherwise: self.refused_otherwise(),
        }
    }

    /// The innermost step of the same task that the scope is, or lies in.
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

    /// Whether its totals are final.
    pub fn is_closed(&self) -> bool {
        lock(&self.0.state).is_closed()
    }

    fn is_shut(&self) -> bool {
        lock(&self.0.state).is_shut()
    }
}

impl WeakScope {
    /// Returns the scope; `None` if it is gone.
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
        self.0.task.ground.alert_observer.as_deref()
    }

    fn record_alert(&self, key: &str) -> (bool, bool) {
        let in_task = lock(&self.0.task.seen_alerts).insert(key);
        (in_task, lock(&self.0.state).seen_alerts.get_or_insert_default().insert(key))
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

/// Drops the parents in a loop. A long chain of scopes would overflow the stack by recursion.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut inner) = next.and_then(|scope| Arc::into_inner(scope.0)) {
            next = inner.parent.take();
        }
    }
}

impl Inner {
    /// The kind that steps inside go on from: beyond an agent they begin anew.
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

    /// Whether the report has room for one more record of a refused call: they are many, and cost nothing.
    pub(crate) fn keep_refused_record(&self) -> bool {
        let left = &self.task.refused_records_left;
        let take = |left: u32| left.checked_sub(1);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() && self.keep_record()
    }

    /// Whether the report has room for one more record of this scope.
    pub(crate) fn keep_record(&self) -> bool {
        self.kept && self.task.keep_record()
    }

    pub(crate) fn waits_as(&self, number: u64) {
        self.waiting.store(number, Ordering::Relaxed);
    }

    pub(crate) fn takes_wait(&self) -> Option<u64> {
        Some(self.waiting.swap(0, Ordering::Relaxed)).filter(|number| *number > 0)
    }

    /// Whether the report has room for one more scope in this one. What is deeper than anybody reads is left out, with all
    /// below it; the totals hold it.
    fn keeps_scope(&self) -> bool {
        self.depth + 1 < MAX_DEPTH && self.keep_record()
    }

    pub(crate) fn late(&self) -> bool {
        self.late
    }
}
