//! The gauges of budgets. The fullest budgets keep their labels. Those beyond the cap share series, each of which shows the
//! fullest of them.

use std::cmp::Ordering;
use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::AsyncInstrument;
use outlay_ledger::{Amount, BudgetInForce, BudgetsInForce, Period};

use super::counter::{MAX_OVERFLOW, MAX_SERIES};
use crate::names::outlay;

/// Labels of budgets: the rule, whose budget it is, and who is alerted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct BudgetLabels {
    rule: Arc<str>,
    period: Option<Period>,
    team: Option<Arc<str>>,
    cost_center: Option<Arc<str>>,
    environment: Option<Arc<str>>,
    owner: Option<Arc<str>>,
    notify: Option<Arc<str>>,
}

/// What a budget has used.
#[derive(Clone, Copy, Debug)]
pub(super) struct BudgetUse {
    spent: Amount,
    limit: Amount,
}

impl BudgetUse {
    /// Returns the share of the limit that is spent, or `None` if the limit is zero.
    pub(super) fn ratio(self) -> Option<f64> {
        let limit = self.limit.units();
        (limit != 0).then(|| self.spent.units() as f64 / limit as f64)
    }

    pub(super) fn spent_usd(self) -> Option<f64> {
        self.spent.usd().map(|spent| spent.to_f64())
    }

    pub(super) fn limit_usd(self) -> Option<f64> {
        self.limit.usd().map(|limit| limit.to_f64())
    }

    /// Returns an order by how full two budgets are. One with a limit of zero is the least full, so that it does not hide one
    /// that fills up. Of two of those, the fuller is the one that has spent more.
    fn cmp_fullness(&self, other: &Self) -> Ordering {
        let fullness = |used: &Self| used.ratio().unwrap_or(-1.0);
        fullness(self).total_cmp(&fullness(other)).then(self.spent.units().cmp(&other.spent.units()))
    }
}

impl BudgetLabels {
    fn of(budget: BudgetInForce) -> Self {
        let BudgetInForce { rule, period, team, cost_center, environment, owner, notify, .. } = budget;
        Self { rule, period, team, cost_center, environment, owner, notify }
    }

    /// Returns the labels of the series for what is beyond the cap.
    fn overflow(&self) -> Self {
        let Self { team, cost_center, environment, .. } = self.clone();
        Self { rule: "other".into(), team, cost_center, environment, ..Self::default() }
    }

    fn push(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(outlay::BUDGET_NAME, self.rule.clone()));
        attributes.extend(self.period.map(|period| KeyValue::new(outlay::BUDGET_PERIOD, period.as_str())));
        let others = [
            (outlay::TEAM, &self.team),
            (outlay::COST_CENTER, &self.cost_center),
            (outlay::ENVIRONMENT, &self.environment),
            (outlay::OWNER, &self.owner),
            (outlay::BUDGET_NOTIFY, &self.notify),
        ];
        for (key, value) in others {
            attributes.extend(value.iter().map(|value| KeyValue::new(key, value.clone())));
        }
    }
}

/// Observes the `value` of each budget of several engines. Budgets without one are left out. If several budgets have the
/// same labels, only the fullest is observed.
pub(super) fn observe<'a>(
    several: impl Iterator<Item = &'a BudgetsInForce>,
    observer: &dyn AsyncInstrument<f64>,
    value: impl Fn(BudgetUse) -> Option<f64>,
) {
    let mut all = HashMap::new();
    for budget in several.flat_map(BudgetsInForce::read) {
        let used = BudgetUse { spent: budget.spent, limit: budget.limit };
        // A rule of the same name in another unit has no such value, and must not hide this one.
        if value(used).is_some() {
            add_fullest(&mut all, BudgetLabels::of(budget), used);
        }
    }
    let mut attributes = Vec::with_capacity(7);
    for (labels, used) in within_cap(all) {
        let Some(value) = value(used) else { continue };
        attributes.clear();
        labels.push(&mut attributes);
        observer.observe(value, &attributes);
    }
}

fn within_cap(all: HashMap<BudgetLabels, BudgetUse>) -> HashMap<BudgetLabels, BudgetUse> {
    if all.len() <= MAX_SERIES {
        return all;
    }
    let mut fullest_first: Vec<_> = all.into_iter().collect();
    fullest_first.sort_unstable_by(|(_, a), (_, b)| b.cmp_fullness(a));
    let others = fullest_first.split_off(MAX_SERIES);
    let mut within: HashMap<_, _> = fullest_first.into_iter().collect();
    for (labels, used) in others {
        let overflow = labels.overflow();
        let has_room = within.len() < MAX_SERIES + MAX_OVERFLOW || within.contains_key(&overflow);
        add_fullest(&mut within, if has_room { overflow } else { BudgetLabels::default().overflow() }, used);
    }
    within
}

fn add_fullest<L: Eq + Hash>(all: &mut HashMap<L, BudgetUse>, labels: L, used: BudgetUse) {
    match all.get_mut(&labels) {
        Some(known) if known.cmp_fullness(&used).is_ge() => {}
        Some(known) => *known = used,
        None => drop(all.insert(labels, used)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_budgets_keep_their_labels() {
        let labels = |team: u64| BudgetLabels {
            rule: "r".into(),
            team: Some(team.to_string().into()),
            ..BudgetLabels::default()
        };
        let used = |spent: u64| BudgetUse { spent: Amount::Calls(spent), limit: Amount::Calls(100_000) };
        let all: HashMap<_, _> = (0..5_000).map(|team| (labels(team), used(team))).collect();
        let within = within_cap(all);
        assert_eq!(within.len(), MAX_SERIES + MAX_OVERFLOW + 1);
        for team in 4_000..5_000 {
            assert_eq!(within[&labels(team)].spent, Amount::Calls(team));
        }
        // Of those with a team, the fullest come first. The others have none.
        assert_eq!(within[&labels(3_999).overflow()].spent, Amount::Calls(3_999));
        assert_eq!(within[&BudgetLabels::default().overflow()].spent, Amount::Calls(3_499));
    }

    #[test]
    fn a_budget_with_a_limit_of_zero_hides_no_other() {
        let used = |spent, limit| BudgetUse { spent: Amount::Calls(spent), limit: Amount::Calls(limit) };
        let mut all = HashMap::new();
        for budget in [used(9, 0), used(0, 7), used(5, 10), used(1, 0), used(4, 10)] {
            add_fullest(&mut all, (), budget);
        }
        assert_eq!((all[&()].spent, all[&()].ratio()), (Amount::Calls(5), Some(0.5)));

        let mut all = HashMap::new();
        for budget in [used(0, 0), used(2, 0), used(1, 0)] {
            add_fullest(&mut all, (), budget);
        }
        assert_eq!(all[&()].spent, Amount::Calls(2), "the one that has spent the most");
    }
}
