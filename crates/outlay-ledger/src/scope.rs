//! The tree of a task: what each scope holds, and how it closes.

mod close;
mod hold;
mod shared;
mod state;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use outlay_price::{Charge, Usd};
use uuid::Uuid;

use crate::alert::{Alerts, Observer};
use crate::budget::{BudgetCell, HeldTo, SharedHold, Spent};
use crate::ledger::Inner as LedgerInner;
use crate::record::{ChargeRecord, Record, ScopeRecord, TaskRecord};
use crate::runaway::Watch;
use crate::running::Running;
use crate::spec::{TaskWords, scope_name};
use crate::stop::TaskStop;
use crate::sync::atomic::AtomicU32;
use crate::sync::{Mutex, RwLock, lock};
use crate::{
    AgentId, AlertKind, Budget, BudgetExceeded, BudgetStatus, Caller, CostKind, Dimensions, Outcome, ReceiptId,
    RefusedCalls, ScopeKind, StepId, StepKind, TaskId, TaskSpec, Totals,
};

pub use close::ClosedScope;
pub use hold::Hold;
use shared::TaskShared;
use state::State;

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
    pub(crate) task: Arc<TaskShared>,
    pub(crate) budgets: HeldTo,
    /// Outside its task's sum: the task had closed when this scope was opened.
    late: bool,
    /// Whether the report has a place for it. It is taken when the scope opens, for those that hold most close last.
    kept: bool,
    state: Mutex<State>,
}

impl Scope {
    pub(crate) fn new_task(ledger: &Arc<LedgerInner>, spec: TaskSpec, records: u32) -> Self {
        Self::build_task(ledger, spec, None, records)
    }

    /// Opens a task inside this scope: a scope of its own with its own running total, summed into this one.
    pub fn task(&self, spec: TaskSpec) -> Self {
        let ledger = &self.0.task.ledger;
        self.open(|parent| Self::build_task(ledger, spec.clone(), Some(parent), ledger.report_records()))
    }

    /// Opens an agent inside this scope.
    pub fn agent(&self, name: &str) -> Self {
        self.child(ScopeKind::Agent, name, &[])
    }

    /// Opens a step inside this scope.
    pub fn step(&self, kind: StepKind, name: &str) -> Self {
        self.child(ScopeKind::Step(kind), name, &[])
    }

    /// Opens an agent or a step inside this scope, which may spend so much.
    pub fn child(&self, kind: ScopeKind, name: &str, budgets: &[Budget]) -> Self {
        self.open(|parent| {
            let task = parent.0.task.clone();
            let of_own = || budgets.iter().map(|budget| Arc::new(BudgetCell::new(scope_name(name), *budget)));
            Self(Arc::new(Inner {
                id: task.ledger.ids().next_id(),
                cost_kind: match &kind {
                    ScopeKind::Step(step) => parent.0.cost_kind_of_steps().inside(step),
                    ScopeKind::Agent => CostKind::inside_agent(parent.innermost_step()),
                    ScopeKind::Task => CostKind::Direct,
                },
                kind: kind.clone(),
                name: scope_name(name),
                started: task.ledger.now(),
                agent: parent.agent_scope().map(|agent| Arc::downgrade(&agent.0)),
                late: parent.is_late(),
                kept: parent.0.kept && task.keep_record(),
                budgets: HeldTo::Then(match budgets {
                    [] => parent.0.budgets.shared(),
                    _ => parent.0.budgets.shared().iter().cloned().chain(of_own()).collect(),
                }),
                parent: Some(parent.clone()),
                task,
                state: Mutex::default(),
            }))
        })
    }

    /// Opens a scope in the nearest open one, which may close while that happens.
    fn open(&self, build: impl Fn(&Self) -> Self) -> Self {
        loop {
            let parent = self.open_ancestor();
            let scope = build(&parent);
            if scope.0.late || lock(&parent.0.state).adopt(scope.clone()) {
                return scope;
            }
        }
    }

    fn build_task(ledger: &Arc<LedgerInner>, mut spec: TaskSpec, parent: Option<&Self>, records: u32) -> Self {
        let outer = parent.map(|p| p.0.task.clone());
        let id = ledger.ids().next_id();
        let own = spec.budgets.iter().map(|budget| Arc::new(BudgetCell::new(spec.name.clone(), *budget)));
        let own: Box<[Arc<BudgetCell>]> = own.collect();
        let dimensions = match &outer {
            Some(outer) => std::mem::take(&mut spec.dimensions).or(&outer.dimensions),
            None => std::mem::take(&mut spec.dimensions).or(ledger.dimensions()),
        };
        let started = ledger.now();
        spec.conversation = spec.conversation.or_else(|| outer.as_ref()?.conversation.clone());
        let words = TaskWords { name: &spec.name, conversation: spec.conversation.as_deref(), dimensions: &dimensions };
        let one_policy = ledger.hold_policy();
        let by_rule = ledger.budget_rules().of_task(&words, started);
        let policy = if spec.watched { ledger.policy().of_task(&words) } else { Arc::default() };
        let watch = ledger.runaway().filter(|_| spec.watched).map(Watch::new);
        drop(one_policy);
        let mut budgets = parent.map_or_else(Vec::new, |parent| parent.0.budgets.shared().to_vec());
        add_once(&mut budgets, by_rule);
        budgets.extend(own.iter().cloned());
        Self(Arc::new(Inner {
            id,
            kind: ScopeKind::Task,
            cost_kind: CostKind::Direct,
            name: spec.name.clone(),
            started,
            agent: None,
            late: parent.is_some_and(Self::is_late),
            kept: parent.is_none_or(|p| p.0.kept && p.0.task.keep_record()),
            parent: parent.cloned(),
            task: Arc::new(TaskShared {
                id: spec.caller.as_ref().filter(|_| spec.joins).map_or(TaskId::new(id), Caller::task_id),
                run: ReceiptId::new(id),
                caller: spec.caller,
                joins: spec.joins,
                name: spec.name,
                dimensions: Arc::new(dimensions),
                conversation: spec.conversation,
                running: Running::default(),
                budgets: own,
                refusals: Mutex::default(),
                refused_otherwise: Mutex::default(),
                stop: TaskStop::default(),
                watch,
                policy,
                outcome: Mutex::new(None),
                records_left: AtomicU32::new(records),
                outer,
                ledger: ledger.clone(),
            }),
            budgets: if spec.watched {
                HeldTo::Then(budgets.into())
            } else {
                HeldTo::Now(Box::new(RwLock::new(budgets.into())))
            },
            state: Mutex::default(),
        }))
    }

    /// Has what is in no task held to the rules that are in force now.
    pub(crate) fn renew_rules(&self) {
        let task = &self.0.task;
        let mut budgets = Vec::new();
        add_once(&mut budgets, task.ledger.budget_rules().of_task(&task.words(), task.ledger.now()));
        self.0.budgets.renew(budgets);
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
        self.0.task.id
    }

    /// This run of it: of two parts of one task in this process, each has its own.
    pub fn run_id(&self) -> ReceiptId {
        self.0.task.run
    }

    /// Who asked for the task from another process.
    pub fn caller(&self) -> Option<&Caller> {
        self.0.task.caller.as_ref()
    }

    /// The caller, where the task is its own, and goes on here.
    pub fn joined(&self) -> Option<&Caller> {
        self.caller().filter(|_| self.0.task.joins)
    }

    /// That task's name.
    pub fn task_name(&self) -> &Arc<str> {
        &self.0.task.name
    }

    /// Whose that task is.
    pub fn dimensions(&self) -> &Arc<Dimensions> {
        &self.0.task.dimensions
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

    /// Whether a call from here is held to a budget.
    pub fn has_budget(&self) -> bool {
        self.0.budgets.with(|budgets| !budgets.is_empty())
    }

    /// How the task's own budget stands: the first that it was given.
    pub fn budget(&self) -> Option<BudgetStatus> {
        self.0.task.budgets.first().map(|budget| budget.status())
    }

    /// How all of the task's own budgets stand, in the order in which it was given them.
    pub fn budgets(&self) -> Vec<BudgetStatus> {
        self.0.task.budgets.iter().map(|budget| budget.status()).collect()
    }

    /// The calls that the task's own budgets refused, and those that were refused in it by budgets that are no task's:
    /// of agents, of steps, of rules; the first 100 of each.
    pub fn refusals(&self) -> Vec<BudgetExceeded> {
        let own = self.0.task.budgets.iter().flat_map(|budget| budget.refusals());
        own.chain(lock(&self.0.task.refusals).iter().cloned()).collect()
    }

    /// Whether a task has this budget, which is then listed there.
    pub(crate) fn is_of_a_task(&self, cell: &Arc<BudgetCell>) -> bool {
        let mut task = Some(&self.0.task);
        while let Some(own) = task {
            if own.budgets.iter().any(|budget| Arc::ptr_eq(budget, cell)) {
                return true;
            }
            task = own.outer.as_ref();
        }
        false
    }

    pub(crate) fn alert_observer(&self) -> Option<&Observer> {
        self.0.task.ledger.alert_observer()
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

    /// Records an external charge here, or in the nearest open scope around this one.
    pub fn charge(&self, name: &str, charge: Charge) -> ChargedScope {
        let (name, at) = (scope_name(name), self.0.task.ledger.now());
        let record = ChargeRecord { name: name.clone(), charge, at };
        loop {
            let scope = self.open_ancestor();
            let keep = scope.0.keep_record();
            let mut state = lock(&scope.0.state);
            // A scope may shut while it is found; beyond the root there is none.
            if state.is_shut() && !scope.is_root() {
                continue;
            }
            let orphaned = !state.add_external(record, &scope.0.cost_kind, keep);
            let late = orphaned || scope.0.late;
            // Before the lock goes: who sees the charge in the totals sees it in the budget too.
            if !late {
                scope.0.task.spend(charge.total(), 0);
            }
            let mut alerts = Alerts::default();
            let spent = Spent::usd(charge.total());
            scope.0.spend(&spent, &mut alerts);
            drop(state);
            scope.spend_shared(&spent);
            scope.watch_charge(charge.total(), at, &mut alerts);
            alerts.tell(&scope);
            return ChargedScope { scope, name, late, orphaned };
        }
    }

    /// Counts in the budgets of a store what nothing was reserved for. Other processes see it a moment later, and a store's
    /// lock is none to take under one of ours.
    pub(crate) fn spend_shared(&self, spent: &Spent) {
        let Some(store) = self.0.task.ledger.budget_store() else { return };
        let unreserved = |budgets: &[Arc<BudgetCell>]| budgets.iter().filter_map(|cell| cell.unreserved()).collect();
        let shared: Vec<_> = self.0.budgets.with(unreserved);
        if !shared.is_empty() {
            SharedHold::new(store.clone(), shared).settle(spent, self);
        }
    }

    /// What the scope and all below it cost so far.
    pub fn totals(&self) -> Totals {
        self.0.totals()
    }

    /// The scope and all that it holds, as of now.
    pub fn record(&self) -> ScopeRecord {
        let state = lock(&self.0.state);
        let mut children = state.records().to_vec();
        children.extend(state.open_children().iter().map(|c| Record::Scope(Box::new(c.record()))));
        ScopeRecord {
            kind: self.0.kind.clone(),
            name: self.0.name.clone(),
            started: self.0.started,
            ended: state.ended(),
            failure: state.failure().cloned(),
            totals: state.totals(),
            children,
            elided: state.elided(),
        }
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

/// A rule that holds a task and the task around it, or that is given twice, holds a call once.
fn add_once(budgets: &mut Vec<Arc<BudgetCell>>, by_rule: Vec<Arc<BudgetCell>>) {
    for cell in by_rule {
        if !budgets.iter().any(|known| Arc::ptr_eq(known, &cell)) {
            budgets.push(cell);
        }
    }
}

/// Where a charge was counted.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChargedScope {
    /// The scope that the charge was counted in.
    pub scope: Scope,
    /// The name that the charge goes by: cleaned, and cut to 64 characters.
    pub name: Arc<str>,
    /// Whether it is outside its task's sum, because the task or its scope had closed before.
    pub late: bool,
    /// Whether it is outside its own scope's sum too, because that had closed before.
    pub orphaned: bool,
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

impl Inner {
    fn totals(&self) -> Totals {
        lock(&self.state).totals()
    }

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

    /// Counts in every budget above, but for those of a store, what nothing was reserved for.
    pub(crate) fn spend(&self, spent: &Spent, alerts: &mut Alerts) {
        self.spend_of(|cell| !cell.is_shared(), spent, alerts);
    }

    /// Counts what another process has spent, in the budgets of tasks, agents and steps. Those of rules count what each
    /// process spends itself.
    pub(crate) fn spend_elsewhere(&self, spent: &Spent, alerts: &mut Alerts) {
        self.spend_of(|cell| !cell.is_of_rule(), spent, alerts);
    }

    fn spend_of(&self, which: impl Fn(&BudgetCell) -> bool, spent: &Spent, alerts: &mut Alerts) {
        self.budgets.with(|budgets| {
            if budgets.is_empty() {
                return;
            }
            let now = self.task.ledger.now();
            for cell in budgets.iter().filter(|cell| which(cell)) {
                if let Some(status) = cell.spend(spent, now) {
                    alerts.push(&cell.name, AlertKind::SoftLimit(status));
                }
            }
        });
    }

    pub(crate) fn state(&self) -> &Mutex<State> {
        &self.state
    }

    /// Whether the report has room for one more record of this scope.
    pub(crate) fn keep_record(&self) -> bool {
        self.kept && self.task.keep_record()
    }

    pub(crate) fn late(&self) -> bool {
        self.late
    }
}
