//! The opening of tasks, and of agents and steps inside a scope.

use std::sync::Arc;

use crate::alert::Alerts;
use crate::budget::{BudgetCell, HeldBy};
use crate::ledger_state::LedgerState;
use crate::money::RunningTotal;
use crate::runaway::Watch;
use crate::stop::TaskStop;
use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use crate::sync::{Mutex, RwLock, lock};
use crate::task::{TaskWords, scope_name};
use crate::{Budget, Caller, CostKind, ReceiptId, ScopeKind, StepKind, TaskFacts, TaskId};

use super::scope_state::ScopeState;
use super::task_spec::TaskSpec;
use super::task_state::{MAX_REFUSED_RECORDS, TaskState};
use super::{Inner, Scope};

impl Scope {
    pub(crate) fn new_task(ledger: &Arc<LedgerState>, spec: TaskSpec, records: u32) -> Self {
        Self::build_task(ledger, spec, None, records)
    }

    /// Opens a task inside this scope. It has its own running total, which is also summed into this scope.
    pub fn task(&self, spec: TaskSpec) -> Self {
        let ledger = &self.0.task.ledger;
        self.open(|parent| Self::build_task(ledger, spec.clone(), Some(parent), ledger.report_records))
    }

    /// Opens an agent inside this scope.
    pub fn agent(&self, name: &str) -> Self {
        self.child(ScopeKind::Agent, name, &[])
    }

    /// Opens a step inside this scope.
    pub fn step(&self, kind: StepKind, name: &str) -> Self {
        self.child(ScopeKind::Step(kind), name, &[])
    }

    /// Opens an agent or a step with budgets inside this scope.
    pub fn child(&self, kind: ScopeKind, name: &str, budgets: &[Budget]) -> Self {
        self.open(|parent| {
            let task = parent.0.task.clone();
            let own = || budgets.iter().map(|budget| Arc::new(BudgetCell::new(scope_name(name), *budget)));
            Self(Arc::new(Inner {
                id: task.ledger.ids.next_id(),
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
                kept: parent.0.keeps_scope(),
                depth: parent.0.depth.saturating_add(1),
                index: AtomicUsize::default(),
                waiting: AtomicU64::default(),
                budgets: HeldBy::Snapshot(match budgets {
                    [] => parent.0.budgets.shared(),
                    _ => parent.0.budgets.shared().iter().cloned().chain(own()).collect(),
                }),
                parent: Some(parent.clone()),
                task,
                state: Mutex::default(),
            }))
        })
    }

    /// Calls `enter` on this scope, or on the nearest open scope around it. If that scope has shut meanwhile, it calls
    /// `leave` and tries again further out. The root is never left. Returns the scope, and whether it is open.
    pub(super) fn enter_open_ancestor(
        &self,
        enter: fn(&mut ScopeState) -> bool,
        leave: fn(&mut ScopeState),
    ) -> (Self, bool) {
        loop {
            let scope = self.open_ancestor();
            let is_open = enter(&mut lock(&scope.0.state));
            if is_open || scope.is_root() {
                return (scope, is_open);
            }
            leave(&mut lock(&scope.0.state));
        }
    }

    /// Counts an open call in this scope, or in the nearest open scope around it.
    pub(crate) fn open_call_in_ancestor(&self) -> Self {
        self.enter_open_ancestor(ScopeState::open_call, ScopeState::drop_call).0
    }

    /// Counts open remote work in this scope, or in the nearest open scope around it.
    pub(crate) fn open_remote_in_ancestor(&self) -> Self {
        self.enter_open_ancestor(ScopeState::open_remote, ScopeState::drop_remote).0
    }

    /// Opens a scope in the nearest open scope. Tries again if that scope shuts meanwhile.
    fn open(&self, build: impl Fn(&Self) -> Self) -> Self {
        loop {
            let parent = self.open_ancestor();
            let scope = build(&parent);
            if scope.0.late || lock(&parent.0.state).adopt(scope.clone()) {
                return scope;
            }
        }
    }

    fn build_task(ledger: &Arc<LedgerState>, mut spec: TaskSpec, parent: Option<&Self>, records: u32) -> Self {
        let outer = parent.map(|p| p.0.task.clone());
        let id = ledger.ids.next_id();
        let own = spec.budgets.iter().map(|budget| Arc::new(BudgetCell::new(spec.name.clone(), *budget)));
        let own: Box<[Arc<BudgetCell>]> = own.collect();
        let dimensions = match &outer {
            Some(outer) => std::mem::take(&mut spec.dimensions).or(&outer.facts.dimensions),
            None => std::mem::take(&mut spec.dimensions).or(&ledger.dimensions),
        };
        let started = ledger.now();
        spec.conversation = spec.conversation.or_else(|| outer.as_ref()?.conversation.clone());
        let words = TaskWords { name: &spec.name, conversation: spec.conversation.as_deref(), dimensions: &dimensions };
        let mut times = None;
        let policy_guard = loop {
            let guard = ledger.hold_policy();
            if times.is_some() || ledger.budget_rules.is_empty() {
                break guard;
            }
            drop(guard);
            // Without a lock, because a clock is the application's code.
            times = Some(ledger.times());
        };
        let mut alerts = Alerts::default();
        let of_rules = times.map(|now| ledger.budget_rules.of_task(&words, now, &mut alerts)).unwrap_or_default();
        let policy = if spec.is_unattributed { Arc::default() } else { ledger.policy.of_task(&words) };
        let watch = ledger.runaway().filter(|_| !spec.is_unattributed).map(Watch::new);
        drop(policy_guard);
        let mut budgets = parent.map_or_else(Vec::new, |parent| parent.0.budgets.shared().to_vec());
        add_missing(&mut budgets, of_rules);
        budgets.extend(own.iter().cloned());
        let task = Self(Arc::new(Inner {
            id,
            kind: ScopeKind::Task,
            cost_kind: CostKind::Direct,
            name: spec.name.clone(),
            started,
            agent: None,
            late: parent.is_some_and(Self::is_late),
            kept: parent.is_none_or(|parent| parent.0.keeps_scope()),
            depth: parent.map_or(0, |parent| parent.0.depth.saturating_add(1)),
            index: AtomicUsize::default(),
            waiting: AtomicU64::default(),
            parent: parent.cloned(),
            task: Arc::new(TaskState {
                facts: Arc::new(TaskFacts {
                    id: spec.caller.as_ref().filter(|_| spec.joins).map_or(TaskId::new(id), Caller::task_id),
                    run: ReceiptId::new(id),
                    name: spec.name,
                    dimensions: Arc::new(dimensions),
                }),
                is_unattributed: spec.is_unattributed,
                caller: spec.caller,
                joins: spec.joins,
                conversation: spec.conversation,
                running: RunningTotal::default(),
                budgets: own,
                refusals: Mutex::default(),
                non_budget_refusals: Mutex::default(),
                stop: TaskStop::default(),
                reported_alerts: Mutex::default(),
                watch,
                policy,
                outcome: Mutex::new(None),
                records_left: AtomicU32::new(records),
                refused_records_left: AtomicU32::new(MAX_REFUSED_RECORDS),
                refused_by_budgets: AtomicU64::default(),
                outer,
                ledger: ledger.clone(),
            }),
            budgets: match spec.is_unattributed {
                true => HeldBy::Live(Box::new(RwLock::new(budgets.into()))),
                false => HeldBy::Snapshot(budgets.into()),
            },
            state: Mutex::default(),
        }));
        alerts.send(&task);
        task
    }
}

/// Adds the budgets of rules that are not in the list, so that a rule applies once, even if it also applies to an outer
/// task or is given twice.
pub(super) fn add_missing(budgets: &mut Vec<Arc<BudgetCell>>, of_rules: Vec<Arc<BudgetCell>>) {
    for cell in of_rules {
        if !budgets.iter().any(|known| Arc::ptr_eq(known, &cell)) {
            budgets.push(cell);
        }
    }
}
