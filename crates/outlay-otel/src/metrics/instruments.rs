//! The instruments: names, units, bucket bounds.

use std::sync::Arc;

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use outlay_price::Usd;

use super::counter::{Counters, Described};
use super::labels::CallLabels;
use super::task_names::TaskNames;
use super::{CallSums, Sums};
use crate::names::{metric, outlay};

/// The conventions' bucket bounds for token counts.
const TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// The conventions' bucket bounds for durations, in seconds.
const DURATION_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// What tasks cost, in dollars: two buckets for each power of ten.
const COST_BOUNDS: [f64; 13] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
/// How long tasks take, in seconds.
const TASK_DURATION_BOUNDS: [f64; 14] =
    [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_200.0, 1_800.0, 3_600.0];

/// The instruments that are told at once. The others are asked when metrics are collected.
#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) token_usage: Histogram<u64>,
    pub(super) duration: Histogram<f64>,
    pub(super) time_to_first_chunk: Histogram<f64>,
    pub(super) task_cost: Histogram<f64>,
    pub(super) task_duration: Histogram<f64>,
}

/// The open tasks by name: how many there are, and what the dearest of them has cost so far.
pub(crate) trait OpenByName: Send + Sync {
    fn by_name(&self) -> HashMap<Arc<str>, (u64, Usd)>;
}

/// The open tasks, by the names that they have on metrics.
#[derive(Clone)]
pub(super) struct OpenTasks {
    pub(super) of: Arc<dyn OpenByName>,
    pub(super) names: Arc<TaskNames>,
}

impl OpenTasks {
    fn by_name(&self) -> HashMap<Arc<str>, (u64, Usd)> {
        let mut names: HashMap<Arc<str>, (u64, Usd)> = HashMap::new();
        for (name, (open, dearest)) in self.of.by_name() {
            let (count, most) = names.entry(self.names.on_metrics(&name)).or_default();
            *count += open;
            *most = (*most).max(dearest);
        }
        names
    }
}

impl Instruments {
    pub(super) fn new(meter: &Meter, sums: &Sums, open: OpenTasks) -> Self {
        register_sums(meter, sums);
        register_open_tasks(meter, open);
        let seconds = |name, description, bounds: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        Self {
            token_usage: meter
                .u64_histogram(metric::TOKEN_USAGE)
                .with_unit("{token}")
                .with_description("Number of input and output tokens used.")
                .with_boundaries(TOKEN_BOUNDS.to_vec())
                .build(),
            duration: seconds(metric::OPERATION_DURATION, "GenAI operation duration.", &DURATION_BOUNDS),
            time_to_first_chunk: seconds(
                metric::TIME_TO_FIRST_CHUNK,
                "Time from the request to the first chunk of the response.",
                &DURATION_BOUNDS,
            ),
            task_cost: meter
                .f64_histogram(metric::TASK_COST)
                .with_unit("USD")
                .with_description("Cost of finished tasks.")
                .with_boundaries(COST_BOUNDS.to_vec())
                .build(),
            task_duration: seconds(metric::TASK_DURATION, "Duration of finished tasks.", &TASK_DURATION_BOUNDS),
        }
    }
}

fn register_sums(meter: &Meter, sums: &Sums) {
    sums.cost.register(meter);
    sums.spend.register(meter);
    sums.phase_cost.register_usd(meter, metric::PHASE_COST, "Cost by kind of step.", Some);
    sums.outcome_value.register_usd(meter, metric::OUTCOME_VALUE, "What the outcomes of tasks are worth.", Some);
    let withdrawn = "What revised outcomes had been worth.";
    sums.withdrawn_value.register_usd(meter, metric::OUTCOME_WITHDRAWN_VALUE, withdrawn, Some);
    let wasted = "Cost of tasks that failed or were abandoned, and of what failed in those that succeeded.";
    sums.wasted.register_usd(meter, metric::WASTED_COST, wasted, Some);
    let revised =
        Described(metric::OUTCOMES_REVISED, "{task}", "Tasks whose outcome was revised after they had ended.");
    sums.outcomes_revised.register(meter, revised, Some);
    let tasks = Described(metric::TASKS, "{task}", "Tasks that have ended.");
    sums.tasks.register(meter, tasks, Some);
    register_calls(meter, &sums.calls);
    let refused = Described(metric::BUDGET_REFUSED, "{call}", "Calls that a budget refused.");
    sums.budget_refused.register(meter, refused, Some);
    let would = "Calls that a budget would have refused, if it were enforced.";
    sums.budget_would_refuse.register(meter, Described(metric::BUDGET_WOULD_REFUSE, "{call}", would), Some);
    let forgotten = "Budgets that were forgotten with what was spent of them, for a rule has made too many.";
    sums.budget_forgotten.register(meter, Described(metric::BUDGET_FORGOTTEN, "{budget}", forgotten), Some);
    let violations = Described(metric::POLICY_VIOLATIONS, "{violation}", "Violations of the policy.");
    sums.policy_violations.register(meter, violations, Some);
}

fn register_calls(meter: &Meter, calls: &Counters<CallLabels, CallSums>) {
    calls.register(meter, Described(metric::CALLS, "{call}", "Model calls, and those that were refused."), |sums| {
        Some(sums.calls)
    });
    let attempts = Described(metric::ATTEMPTS, "{attempt}", "HTTP attempts of model calls.");
    calls.register(meter, attempts, |sums| sums.attempts);
    let unpriced = Described(metric::UNPRICED_CALLS, "{call}", "Calls with a part that has no price.");
    calls.register(meter, unpriced, |sums| sums.unpriced);
    let unchecked = "Calls that were made although the store of shared budgets could not be asked in time.";
    calls.register(meter, Described(metric::BUDGET_UNCHECKED, "{call}", unchecked), |sums| sums.unchecked);
    let outside = "Cost of calls outside any task.";
    calls.register_usd(meter, metric::UNATTRIBUTED_COST, outside, |sums| sums.unattributed);
}

fn register_open_tasks(meter: &Meter, open: OpenTasks) {
    let counted = open.clone();
    let _ = meter
        .u64_observable_gauge(metric::TASKS_OPEN)
        .with_unit("{task}")
        .with_description("Tasks that are open.")
        .with_callback(move |observer| {
            for (task, (count, _)) in counted.by_name() {
                observer.observe(count, &[KeyValue::new(outlay::TASK_NAME, task)]);
            }
        })
        .build();
    let _ = meter
        .f64_observable_gauge(metric::TASK_COST_OPEN_MAX)
        .with_unit("USD")
        .with_description("What the dearest of the open tasks has cost so far.")
        .with_callback(move |observer| {
            for (task, (_, most)) in open.by_name() {
                observer.observe(most.to_f64(), &[KeyValue::new(outlay::TASK_NAME, task)]);
            }
        })
        .build();
}
