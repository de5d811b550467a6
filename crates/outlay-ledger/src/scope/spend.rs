//! The budgets that hold a scope: how they stand, and what is counted in them.

use std::sync::Arc;

use outlay_price::Usd;

use crate::alert::Alerts;
use crate::budget::{BudgetCell, SharedCell, SharedHold};
use crate::money::Spent;
use crate::sync::lock;
use crate::{AlertKind, BudgetExceeded, BudgetStatus};

use super::opening::add_once;
use super::{Inner, Scope};

impl Scope {
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

    /// Has what is in no task held to the rules that are in force now.
    pub(crate) fn renew_rules(&self) {
        let task = &self.0.task;
        let mut budgets = Vec::new();
        // It has one budget of each rule, and nothing is forgotten for it.
        let mut alerts = Alerts::default();
        add_once(&mut budgets, task.ground.budget_rules.of_task(&task.words(), || task.ground.times(), &mut alerts));
        self.0.budgets.renew(budgets);
    }

    /// Counts in the budgets of a store what nothing was reserved for. Other processes see it a moment later, and a store's
    /// lock is none to take under one of ours.
    pub(crate) fn spend_shared(&self, spent: &Spent) {
        let Some(store) = &self.0.task.ground.budget_store else { return };
        let unreserved = |budgets: &[Arc<BudgetCell>]| budgets.iter().filter_map(SharedCell::unreserved).collect();
        let shared: Vec<_> = self.0.budgets.with(unreserved);
        if !shared.is_empty() {
            self.settle_shared(&mut SharedHold::new(store.clone(), shared), spent);
        }
    }

    /// Replaces what a store has reserved for a call by what was spent.
    pub(crate) fn settle_shared(&self, shared: &mut SharedHold, spent: &Spent) {
        shared.settle(spent, &self.0.task.facts, self.0.task.ground.alert_observer.as_ref());
    }
}

impl Inner {
    /// Counts in every budget above, but for those of a store, what nothing was reserved for.
    pub(crate) fn spend(&self, spent: &Spent, alerts: &mut Alerts) {
        self.spend_of(|cell| !cell.is_shared(), spent, alerts);
    }

    /// Counts what another process has spent, in the budgets of tasks, agents and steps. Those of rules count what each
    /// process spends itself. Whatever that process says, it gives nothing back.
    pub(crate) fn spend_elsewhere(&self, spent: &Spent, alerts: &mut Alerts) {
        let spent = &Spent { usd: spent.usd.max(Usd::ZERO), ..*spent };
        self.spend_of(|cell| !cell.is_of_rule(), spent, alerts);
    }

    fn spend_of(&self, which: impl Fn(&BudgetCell) -> bool, spent: &Spent, alerts: &mut Alerts) {
        self.budgets.with(|budgets| {
            if budgets.is_empty() {
                return;
            }
            let now = self.task.ground.now();
            for cell in budgets.iter().filter(|cell| which(cell)) {
                if let Some(status) = cell.spend(spent, now) {
                    alerts.push(&cell.name, AlertKind::SoftLimit(status));
                }
            }
        });
    }
}
