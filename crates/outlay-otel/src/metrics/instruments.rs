//! The instruments: names, units, descriptions and bucket bounds.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use outlay_price::Usd;

use super::attribution::Spend;
use super::budget_gauges::{self, BudgetUse};
use super::convention_metrics::ConventionMetrics;
use super::cost_series::CostSeries;
use super::counter::{Counters, Labels, MAX_OVERFLOW, MAX_SERIES, Sum, observe};
use super::open_task_figures::OpenTaskFigures;
use super::provider_group::{Group, Member, Provider};
use super::series_cap::SeriesCap;
use super::sums::Sums;
use crate::names::{metric, outlay};
use crate::semconv::{Semconv, instrumentation_scope};

/// The bucket bounds for the cost of tasks, in dollars: two for each power of ten.
const COST_BOUNDS: [f64; 13] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
/// The bucket bounds for the duration of tasks, in seconds.
const TASK_DURATION_BOUNDS: [f64; 14] =
    [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_200.0, 1_800.0, 3_600.0];

/// The synchronous instruments. The others are observed when metrics are collected.
#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) conventions: ConventionMetrics,
    pub(super) task_cost: Histogram<f64>,
    pub(super) task_duration: Histogram<f64>,
}

impl Instruments {
    /// Returns the instruments of the meter in the settings of one engine.
    pub(super) fn of_given(meter: &Meter, semconv: Semconv, member: Member) -> Self {
        Callbacks { meter, group: &Group::of_given(member) }.register();
        Self::synchronous(meter, semconv)
    }

    /// Returns the instruments of the global provider, which other engines may use too.
    pub(super) fn of_global(provider: &Arc<Provider>, semconv: Semconv, member: Member) -> Self {
        let meter = provider.meter_with_scope(instrumentation_scope(semconv));
        if let Some(group) = Group::join(provider, member) {
            Callbacks { meter: &meter, group: &group }.register();
        }
        Self::synchronous(&meter, semconv)
    }

    fn synchronous(meter: &Meter, semconv: Semconv) -> Self {
        Self {
            conventions: ConventionMetrics::new(meter, semconv),
            task_cost: meter
                .f64_histogram(metric::TASK_COST)
                .with_unit("USD")
                .with_description("Cost of finished tasks.")
                .with_boundaries(COST_BOUNDS.to_vec())
                .build(),
            task_duration: meter
                .f64_histogram(metric::TASK_DURATION)
                .with_unit("s")
                .with_description("Duration of finished tasks.")
                .with_boundaries(TASK_DURATION_BOUNDS.to_vec())
                .build(),
        }
    }
}

/// The callbacks that observe the sums of a group.
struct Callbacks<'a> {
    meter: &'a Meter,
    group: &'a Arc<Group>,
}

impl Callbacks<'_> {
    fn register(&self) {
        self.cost();
        self.attribution();
        self.open_tasks();
        self.budgets();
        self.price_age();
        self.usd(metric::PHASE_COST, "Cost by kind of step.", |sums| &sums.phase_cost, Some);
        let worth = "Value of the outcomes of tasks.";
        self.usd(metric::OUTCOME_VALUE, worth, |sums| &sums.outcome_value, Some);
        let withdrawn = "Value of outcomes before they were revised.";
        self.usd(metric::OUTCOME_WITHDRAWN_VALUE, withdrawn, |sums| &sums.withdrawn_value, Some);
        let wasted = "Cost of tasks that failed or were abandoned, and of failures in tasks that succeeded.";
        self.usd(metric::WASTED_COST, wasted, |sums| &sums.wasted, Some);
        let revised = "Tasks whose outcome was revised after they had ended.";
        self.count(metric::OUTCOMES_REVISED, "{task}", revised, |sums| &sums.outcomes_revised, Some);
        self.count(metric::TASKS, "{task}", "Tasks that have ended.", |sums| &sums.tasks, Some);
        self.calls();
        let refused = "Calls that a budget refused.";
        self.count(metric::BUDGET_REFUSED, "{call}", refused, |sums| &sums.budget_refused, Some);
        let would = "Calls that a budget would have refused, if it were enforced.";
        self.count(metric::BUDGET_WOULD_REFUSE, "{call}", would, |sums| &sums.budget_would_refuse, Some);
        let forgotten = "Budgets that were forgotten, with what they had spent, because their rule had too many.";
        self.count(metric::BUDGET_FORGOTTEN, "{budget}", forgotten, |sums| &sums.budget_forgotten, Some);
        let outgrown = "Times that a workflow was found to have outgrown a rule of the policy.";
        self.count(metric::POLICY_GRADUATIONS, "{graduation}", outgrown, |sums| &sums.graduations, Some);
        let violations = "Violations of the policy.";
        self.count(metric::POLICY_VIOLATIONS, "{violation}", violations, |sums| &sums.policy_violations, Some);
    }

    fn budgets(&self) {
        let used = "Share of the limit of a rule's budget that is spent.";
        self.budget(metric::BUDGET_USED_RATIO, "1", used, BudgetUse::ratio);
        self.budget(metric::BUDGET_SPENT, "USD", "Dollars spent of a rule's budget.", BudgetUse::spent_usd);
        self.budget(metric::BUDGET_LIMIT, "USD", "Limit in dollars of a rule's budget.", BudgetUse::limit_usd);
    }

    fn budget(
        &self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        value: fn(BudgetUse) -> Option<f64>,
    ) {
        let group = self.group.clone();
        let gauge = self.meter.f64_observable_gauge(name).with_unit(unit).with_description(description);
        let _ = gauge
            .with_callback(move |observer| {
                budget_gauges::observe(group.gauges().iter().map(|sources| &sources.budgets), observer, value);
            })
            .build();
    }

    fn price_age(&self) {
        let group = self.group.clone();
        let gauge = self.meter.f64_observable_gauge(metric::PRICE_AGE).with_unit("s");
        let _ = gauge
            .with_description("Time since the newest day of the price table in force.")
            .with_callback(move |observer| {
                let ages = group.gauges().into_iter().filter_map(|sources| (sources.price_age)());
                if let Some(oldest) = ages.max() {
                    observer.observe(oldest.as_secs_f64(), &[]);
                }
            })
            .build();
    }

    fn calls(&self) {
        let calls = "Model calls, including those that were refused.";
        self.count(metric::CALLS, "{call}", calls, |sums| &sums.calls, |sum| Some(sum.calls));
        let attempts = "HTTP attempts of model calls.";
        self.count(metric::ATTEMPTS, "{attempt}", attempts, |sums| &sums.calls, |sum| sum.attempts);
        let unpriced = "Calls with a part that has no price.";
        self.count(metric::UNPRICED_CALLS, "{call}", unpriced, |sums| &sums.calls, |sum| sum.unpriced);
        let unchecked = "Calls that were made although the store of shared budgets could not be asked in time.";
        self.count(metric::BUDGET_UNCHECKED, "{call}", unchecked, |sums| &sums.calls, |sum| sum.unchecked);
        let outside = "Cost of calls outside any task.";
        self.usd(metric::UNATTRIBUTED_COST, outside, |sums| &sums.calls, |sum| sum.unattributed);
    }

    fn count<L: Labels + Send + 'static, V: Sum>(
        &self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        counters: fn(&Sums) -> &Counters<L, V>,
        value: fn(V) -> Option<u64>,
    ) {
        let (group, cap) = (self.group.clone(), SeriesCap::new([MAX_SERIES, MAX_OVERFLOW]));
        let counter = self.meter.u64_observable_counter(name).with_unit(unit).with_description(description);
        let _ = counter.with_callback(move |observer| observe(group.series(counters, &cap), observer, value)).build();
    }

    /// Like [`count`](Self::count), for money.
    fn usd<L: Labels + Send + 'static, V: Sum>(
        &self,
        name: &'static str,
        description: &'static str,
        counters: fn(&Sums) -> &Counters<L, V>,
        value: fn(V) -> Option<Usd>,
    ) {
        let (group, cap) = (self.group.clone(), SeriesCap::new([MAX_SERIES, MAX_OVERFLOW]));
        let counter = self.meter.f64_observable_counter(name).with_unit("USD").with_description(description);
        let dollars = move |sum| value(sum).map(Usd::to_f64);
        let _ = counter.with_callback(move |observer| observe(group.series(counters, &cap), observer, dollars)).build();
    }

    fn cost(&self) {
        let (group, cap) = (self.group.clone(), CostSeries::cap());
        let counter = self.meter.f64_observable_counter(metric::COST).with_unit("USD");
        let _ = counter
            .with_description("Cost of settled calls and of charges.")
            .with_callback(move |observer| {
                let members = group.members();
                CostSeries::observe(members.iter().map(|member| &member.sums.cost), &cap, observer);
            })
            .build();
    }

    fn attribution(&self) {
        let group = self.group.clone();
        let gauge = self.meter.f64_observable_gauge(metric::ATTRIBUTION_RATIO).with_unit("1");
        let _ = gauge
            .with_description("Share of the cost that carries a dimension.")
            .with_callback(move |observer| Spend::observe(group.members().iter().map(|m| &m.sums.spend), observer))
            .build();
    }

    fn open_tasks(&self) {
        let group = self.group.clone();
        let gauge = self.meter.u64_observable_gauge(metric::TASKS_OPEN).with_unit("{task}");
        let _ = gauge
            .with_description("Tasks that are open.")
            .with_callback(move |observer| {
                for (task, (count, _)) in OpenTaskFigures::by_name(group.members().iter().map(|m| &m.open)) {
                    observer.observe(count, &[KeyValue::new(outlay::TASK_NAME, task)]);
                }
            })
            .build();
        let group = self.group.clone();
        let gauge = self.meter.f64_observable_gauge(metric::TASK_COST_OPEN_MAX).with_unit("USD");
        let _ = gauge
            .with_description("Cost so far of the most expensive open task.")
            .with_callback(move |observer| {
                for (task, (_, max_cost)) in OpenTaskFigures::by_name(group.members().iter().map(|m| &m.open)) {
                    observer.observe(max_cost.to_f64(), &[KeyValue::new(outlay::TASK_NAME, task)]);
                }
            })
            .build();
    }
}
