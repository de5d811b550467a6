//! What the budgets of rules have used, for metrics.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::budget_cell::strictest;
use super::budget_group::BudgetGroup;
use super::{Budget, BudgetRule, BudgetRules, BudgetStore, Period};
use crate::Amount;
use crate::clock::Clock;
use crate::sync::lock;
use crate::task::{Dimensions, TaskWords};

/// The number of budgets that are read at a time. A task that starts waits for them.
const BATCH: usize = 1_000;

/// The budgets of rules, to be read at any time. It does not keep the ledger alive.
#[derive(Clone)]
pub struct BudgetsInForce {
    pub(crate) rules: Arc<BudgetRules>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The store that keeps the budgets, if any.
    pub(crate) store: Option<Arc<dyn BudgetStore>>,
}

/// What a rule's budget has used in the current period.
///
/// There is one for each team, cost center and environment that the rule tells apart. If the rule tells tasks apart by
/// other keys too, such as the conversation, it is the budget that has used the most.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetInForce {
    /// The rule's name.
    pub rule: Arc<str>,
    /// The period after which the budget starts again at zero, if any.
    pub period: Option<Period>,
    /// The team of all tasks with this budget.
    pub team: Option<Arc<str>>,
    /// The cost center of all tasks with this budget.
    pub cost_center: Option<Arc<str>>,
    /// The environment of all tasks with this budget.
    pub environment: Option<Arc<str>>,
    /// The person or team that is responsible for the budget.
    pub owner: Option<Arc<str>>,
    /// The place to send alerts about the budget to.
    pub notify: Option<Arc<str>>,
    /// What has been spent in the current period.
    pub spent: Amount,
    /// The lowest enforced limit of the rules that share the budget, or the lowest observed one if none is enforced.
    pub limit: Amount,
}

/// A rule in force, with the limits of all rules that share its budgets.
struct RuleInForce {
    rule: BudgetRule,
    limits: Vec<Budget>,
}

impl BudgetsInForce {
    /// Returns what the budgets of the rules in force have used. Rules that limit each call separately are left out,
    /// because they keep no sum. So are budgets of a store that does not know yet what was spent in the current period.
    pub fn read(&self) -> Vec<BudgetInForce> {
        let now = self.clock.now();
        self.rules.in_force().iter().flat_map(|rule| self.of_rule(rule, now)).collect()
    }

    fn of_rule(&self, in_force: &RuleInForce, now: SystemTime) -> impl Iterator<Item = BudgetInForce> {
        let rule = &in_force.rule;
        let mut most_spent: HashMap<Arc<BudgetGroup>, i128> = HashMap::new();
        let mut from = 0;
        loop {
            // The lock is released before a store is asked, since that may take its own.
            let batch: Vec<_> = lock(&self.rules.kept).range(rule, from, BATCH).cloned().collect();
            for budget in batch.iter().filter(|budget| budget.group.per == rule.per) {
                let spent = match &self.store {
                    Some(store) => budget.cell.spent_in(&**store),
                    None => Some(budget.cell.spent_at(now)),
                };
                let Some(spent) = spent else { continue };
                let most = most_spent.entry(budget.group.clone()).or_insert(spent);
                *most = spent.max(*most);
            }
            from += batch.len();
            if batch.len() < BATCH {
                break;
            }
        }
        if most_spent.is_empty() && rule.per.is_empty() && self.store.is_none() {
            // Nothing has been spent of the rule's only budget.
            let no_task = TaskWords { name: "", conversation: None, dimensions: &Dimensions::default() };
            most_spent.insert(Arc::new(BudgetGroup::new(rule, &no_task)), 0);
        }
        let limit = strictest(&in_force.limits).unwrap_or(rule.budget).limit;
        most_spent.into_iter().map(move |(group, spent)| BudgetInForce {
            rule: rule.name.clone(),
            period: rule.period,
            team: group.team.clone(),
            cost_center: group.cost_center.clone(),
            environment: group.environment.clone(),
            owner: rule.owner.clone(),
            notify: rule.notify.clone(),
            spent: limit.with_units(spent),
            limit,
        })
    }
}

impl fmt::Debug for BudgetsInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BudgetsInForce")
    }
}

impl BudgetRules {
    /// Returns the rules that keep sums. Those that share their budgets are one.
    fn in_force(&self) -> Vec<RuleInForce> {
        let mut all: Vec<RuleInForce> = Vec::new();
        for rule in self.all().into_iter().filter(|rule| !rule.each_call) {
            match all.iter_mut().find(|known| known.rule.shares_budgets(&rule) && known.rule.per == rule.per) {
                Some(known) => {
                    known.limits.push(rule.budget);
                    known.rule.owner = known.rule.owner.take().or(rule.owner);
                    known.rule.notify = known.rule.notify.take().or(rule.notify);
                }
                None => all.push(RuleInForce { limits: vec![rule.budget], rule }),
            }
        }
        all
    }
}
