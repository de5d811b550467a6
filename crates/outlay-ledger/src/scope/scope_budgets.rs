//! The budgets of a scope: their state, and the spending that they count.

use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::Usd;

use crate::alert::Alerts;
use crate::budget::{BudgetCell, SharedCell, SharedHold, Times};
use crate::money::Spent;
use crate::sync::lock;
use crate::{AlertKind, BudgetExceeded, BudgetStatus};

use super::opening::add_missing;
use super::{Inner, Scope};

impl Scope {
    /// Returns whether a budget applies to calls in this scope.
    pub fn has_budget(&self) -> bool {
        self.0.budgets.with(|budgets| !budgets.is_empty())
    }

    /// Returns the state of the task's own budget, the first if it has several.
    pub fn budget(&self) -> Option<BudgetStatus> {
        self.0.task.budgets.first().map(|budget| budget.status())
    }

    /// Returns the states of the task's own budgets, in the order in which they were given.
    pub fn budgets(&self) -> Vec<BudgetStatus> {
        self.0.task.budgets.iter().map(|budget| budget.status()).collect()
    }

    /// Returns the calls that the task's own budgets refused, and those that budgets of its agents, its steps and rules
    /// refused; the first 100 of each.
    pub fn refusals(&self) -> Vec<BudgetExceeded> {
        let own = self.0.task.budgets.iter().flat_map(|budget| budget.refusals());
        own.chain(lock(&self.0.task.refusals).iter().cloned()).collect()
    }

    /// Returns whether the budget belongs to this task or a task around it, whose report lists its refusals.
    pub(crate) fn is_task_budget(&self, cell: &Arc<BudgetCell>) -> bool {
        let mut task = Some(&self.0.task);
        while let Some(own) = task {
            if own.budgets.iter().any(|budget| Arc::ptr_eq(budget, cell)) {
                return true;
            }
            task = own.outer.as_ref();
        }
        false
    }

    /// Applies the rules that are now in force to work outside any task. `now` is read without a lock, because a clock is the
    /// application's code.
    pub(crate) fn renew_rules(&self, now: Times) {
        let task = &self.0.task;
        let mut budgets = Vec::new();
        // This task has one budget per rule, so there is nothing to report.
        let mut alerts = Alerts::default();
        add_missing(&mut budgets, task.ledger.budget_rules.of_task(&task.words(), now, &mut alerts));
        self.0.budgets.renew(budgets);
    }

    /// Counts spending without a reservation in the budgets of a store. Other processes see it a moment later. Must be
    /// called without a lock, since the store may take its own.
    pub(crate) fn spend_shared(&self, spent: &Spent) {
        let Some(store) = &self.0.task.ledger.budget_store else { return };
        let unreserved = |budgets: &[Arc<BudgetCell>]| budgets.iter().filter_map(SharedCell::unreserved).collect();
        let shared: Vec<_> = self.0.budgets.with(unreserved);
        if !shared.is_empty() {
            self.settle_shared(&mut SharedHold::new(store.clone(), shared), spent);
        }
    }

    /// Replaces a call's reservation in a store by the spending.
    pub(crate) fn settle_shared(&self, shared: &mut SharedHold, spent: &Spent) {
        shared.settle(spent, &self.0.task.facts, self.0.task.ledger.alert_observer.as_ref());
    }
}

impl Inner {
    /// Counts spending without a reservation in all budgets of the scope, except those in a store.
    pub(crate) fn spend(&self, spent: &Spent, now: SystemTime, alerts: &mut Alerts) {
        self.spend_in(|cell| !cell.is_shared(), spent, now, alerts);
    }

    /// Counts the spending of another process in the budgets of tasks, agents and steps. Budgets of rules count it in
    /// that process. A negative amount counts as zero.
    pub(crate) fn spend_remote(&self, spent: &Spent, now: SystemTime, alerts: &mut Alerts) {
        let spent = &Spent { usd: spent.usd.max(Usd::ZERO), ..*spent };
        self.spend_in(|cell| !cell.is_of_rule(), spent, now, alerts);
    }

    fn spend_in(&self, filter: impl Fn(&BudgetCell) -> bool, spent: &Spent, now: SystemTime, alerts: &mut Alerts) {
        self.budgets.with(|budgets| {
            for cell in budgets.iter().filter(|cell| filter(cell)) {
                if let Some(status) = cell.spend(spent, now) {
                    alerts.push(&cell.name, AlertKind::SoftLimit(status));
                }
            }
        });
    }
}
