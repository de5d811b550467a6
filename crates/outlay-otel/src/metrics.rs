//! Metrics, recorded from the ledger's figures. Sampling and log filters do not affect them.

mod attribution;
mod budget_gauges;
mod by_provider;
mod convention_metrics;
mod cost_series;
mod counter;
mod custom_dimensions;
mod gauge_sources;
mod instruments;
mod labels;
mod names_on_metrics;
mod open_task_figures;
mod principal_names;
mod provider_group;
mod series_cap;
mod sums;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::metrics::Meter;
use outlay_ledger::{
    Alert, AlertKind, CostKind, Dimensions, Outcome, OutcomeKind, Scope, ScopeKind, StepKind, StoreCheck, Totals,
    Violation,
};
use outlay_price::{Charge, Usd};

use crate::attribute_values::{agent_name, outcome_name};
use crate::call::SettledCall;
use crate::names::outlay;
use crate::semconv::Semconv;
use crate::settings::Meters;
use crate::signer::Signer;

use by_provider::ByProvider;
use gauge_sources::LateSources;
use instruments::Instruments;
use labels::{CallLabels, GraduationLabels, KindLabels, NamedLabels, TaskLabels};
use names_on_metrics::NamesOnMetrics;
use open_task_figures::OpenTaskFigures;
use principal_names::PrincipalNames;
use provider_group::Member;
use sums::{CallSums, Sums};

pub use attribution::{Attribution, UnattributedSite};
pub(crate) use convention_metrics::ClosedScopeFigures;
pub(crate) use gauge_sources::GaugeSources;
pub(crate) use open_task_figures::OpenByName;

/// The kinds of steps that have a series from the start of each task.
const KINDS: [StepKind; 7] = [
    StepKind::Plan,
    StepKind::Tool,
    StepKind::Act,
    StepKind::Reflect,
    StepKind::Verify,
    StepKind::Retrieve,
    StepKind::Retry,
];

/// The instruments, which are made at first use, and their sums.
pub(crate) struct Metrics {
    given: Option<Meter>,
    semconv: Semconv,
    sums: Arc<Sums>,
    open: OpenTaskFigures,
    gauges: LateSources,
    /// Whether a store is asked for shared budgets.
    has_budget_store: bool,
    /// The keys of the custom dimensions on metrics.
    dimensions: Vec<Arc<str>>,
    task_names: Arc<NamesOnMetrics>,
    agent_names: NamesOnMetrics,
    tool_names: NamesOnMetrics,
    principal_names: PrincipalNames,
    instruments: ByProvider,
}

/// The figures of a closed task.
#[derive(Debug)]
pub(crate) struct ClosedTaskFigures<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) totals: &'a Totals,
    pub(crate) outcome: Outcome,
    pub(crate) duration: Duration,
}

impl ClosedTaskFigures<'_> {
    /// Returns the wasted cost: the whole cost of a task that failed or was abandoned, else the cost of what failed
    /// inside it.
    fn wasted(&self) -> Usd {
        match self.outcome.kind() {
            OutcomeKind::Success => self.totals.failed_cost(),
            _ => self.totals.cost().usd().unwrap_or_default(),
        }
    }
}

impl Metrics {
    /// Returns the metrics of one engine. Without meters, they go to the global provider. `dimensions` are the keys of the
    /// custom dimensions on metrics, and `open` are the engine's open tasks.
    pub(crate) fn new(
        semconv: Semconv,
        given: Option<Meters>,
        dimensions: Vec<Arc<str>>,
        open: Arc<dyn OpenByName>,
        has_budget_store: bool,
    ) -> Self {
        let task_names = Arc::new(NamesOnMetrics::new("task"));
        Self {
            given: given.map(|meters| meters.of(semconv)),
            semconv,
            sums: Arc::default(),
            open: OpenTaskFigures { tasks: open, names: task_names.clone() },
            gauges: Arc::new(OnceLock::new()),
            has_budget_store,
            dimensions,
            task_names,
            agent_names: NamesOnMetrics::new("agent"),
            tool_names: NamesOnMetrics::new("tool"),
            principal_names: PrincipalNames::default(),
            instruments: ByProvider::default(),
        }
    }

    /// Sets the sources of the gauges. They exist only later, because the ledger reports its alerts here.
    pub(crate) fn set_gauge_sources(&self, sources: GaugeSources) {
        let _ = self.gauges.set(sources);
    }

    /// Records that a task has started. Its series start at 0, so that the first value shows as an increase.
    pub(crate) fn task_started(&self, scope: &Scope) {
        self.use_current_provider();
        let (sums, task) = (&self.sums, self.task_name(scope));
        for kind in KINDS.map(CostKind::Step).into_iter().chain([CostKind::Direct]) {
            sums.phase_cost.add(KindLabels::new(&task, &kind), Usd::ZERO);
        }
        // A task that continues here is counted by the process that started it.
        let outcomes = [Outcome::success(), Outcome::failure(), Outcome::abandoned()];
        for outcome in outcomes.into_iter().filter(|_| scope.joined().is_none()) {
            let labels = self.task_labels(scope.task_name(), scope.dimensions(), outcome);
            sums.tasks.add(labels.clone(), 0);
            if counts_waste(scope) {
                sums.wasted.add(labels.clone(), Usd::ZERO);
            }
            sums.outcome_value.add(labels, Usd::ZERO);
        }
    }

    /// Records that a task has closed with final totals.
    pub(crate) fn task_closed(&self, task: &ClosedTaskFigures<'_>) {
        let instruments = self.use_current_provider();
        let labels = self.task_labels(task.scope.task_name(), task.scope.dimensions(), task.outcome);
        let attributes = labels.histogram_attributes();
        // Unknown is never zero: a task without any priced part is in no bucket.
        if let Some(usd) = task.totals.cost().usd() {
            instruments.task_cost.record(usd.to_f64(), &attributes);
        }
        instruments.task_duration.record(task.duration.as_secs_f64(), &attributes);
        self.sums.tasks.add(labels.clone(), 1);
        if counts_waste(task.scope) {
            self.sums.wasted.add(labels.clone(), task.wasted());
        }
        if let Some(worth) = task.outcome.value_usd() {
            self.sums.outcome_value.add(labels, worth);
        }
    }

    /// Records a new outcome of a closed task. Counters never go down, so the value that is withdrawn has its own counter.
    pub(crate) fn outcome_revised(
        &self,
        name: &Arc<str>,
        dimensions: &Dimensions,
        before: Option<Outcome>,
        after: Outcome,
    ) {
        self.use_current_provider();
        let labels = |of: Outcome| self.task_labels(name, dimensions, of);
        let sums = &self.sums;
        sums.outcomes_revised.add(labels(after).revised_from(outcome_name(before)), 1);
        if let Some(worth) = after.value_usd() {
            sums.outcome_value.add(labels(after), worth);
        }
        if let Some(before) = before
            && let Some(worth) = before.value_usd()
        {
            sums.withdrawn_value.add(labels(before), worth);
        }
    }

    /// Records that a call has been opened. Its series start at 0, except those of its cost.
    pub(crate) fn call_opened(&self, scope: &Scope, model: &Arc<str>) {
        self.use_current_provider();
        let (sums, task) = (&self.sums, self.task_name(scope));
        let labels = CallLabels::new(&task, model);
        if sums.calls.contains(&labels) {
            return;
        }
        let unchecked = self.has_budget_store.then_some(0);
        sums.calls.add(labels, CallSums { attempts: Some(0), unpriced: Some(0), unchecked, ..CallSums::default() });
    }

    /// Records that a call is being sent, with its signer. The series of its cost start at 0.
    pub(crate) fn call_sent(&self, scope: &Scope, model: &Arc<str>, signer: Option<&Signer>) {
        let task = self.task_name(scope);
        let principal = signer.map(|signer| self.principal_names.on_metrics(&signer.principal));
        self.sums.cost.start(&task, scope, model, principal, &self.dimensions);
    }

    pub(crate) fn record_call(&self, call: &SettledCall) {
        let instruments = self.instruments();
        if !call.start.operation.is_free() {
            self.count_call(call);
        }
        instruments.conventions.record_call(call);
    }

    /// Records a closed task, agent or tool call. The conventions do not measure other steps.
    pub(crate) fn scope_closed(&self, closed: &ClosedScopeFigures<'_>) {
        let scope = closed.scope;
        let (names, name) = match scope.kind() {
            ScopeKind::Task => (&*self.task_names, scope.task_name()),
            ScopeKind::Agent => (&self.agent_names, scope.name()),
            ScopeKind::Step(StepKind::Tool) => (&self.tool_names, scope.name()),
            ScopeKind::Step(_) => return,
        };
        let agent = agent_name(scope).map(|agent| self.agent_names.on_metrics(&agent));
        self.instruments().conventions.scope_closed(closed, names.on_metrics(name), agent);
    }

    fn count_call(&self, call: &SettledCall) {
        let (sums, task) = (&self.sums, self.task_name(&call.scope));
        let model = &call.start.model;
        let signer = call.end.signer.as_ref();
        let principal = signer.map(|signer| self.principal_names.on_metrics(&signer.principal));
        sums.cost.add(&task, &call.scope, Some(model), principal, &call.charge, &self.dimensions);
        sums.spend.add(&call.scope, u64::from(!call.end.refused), call.charge.total(), call.site.as_ref());
        self.add_phase(&task, &call.scope, &call.charge);
        if call.end.refused {
            sums.calls.add(CallLabels::new(&task, model).refused(), CallSums { calls: 1, ..CallSums::default() });
            return;
        }
        let is_made = !call.end.attempts.is_empty();
        let counted = CallSums {
            calls: 1,
            // A call that was recorded after it had been made has had at least one.
            attempts: Some((call.end.attempts.len() as u64).max(u64::from(call.end.sent))),
            unpriced: Some(u64::from(!call.charge.is_priced())),
            unattributed: call.scope.is_unattributed().then(|| call.charge.total()),
            unchecked: (is_made && call.settled.store_check == Some(StoreCheck::Missed)).then_some(1),
        };
        sums.calls.add(CallLabels::new(&task, model), counted);
    }

    /// Counts an external charge. `site` is the place that made it, if it is outside any task.
    pub(crate) fn record_charge(&self, scope: &Scope, charge: &Charge, site: Option<&Arc<str>>) {
        self.use_current_provider();
        let task = self.task_name(scope);
        self.sums.cost.add(&task, scope, None, None, charge, &self.dimensions);
        self.sums.spend.add(scope, 0, charge.total(), site);
        self.add_phase(&task, scope, charge);
    }

    pub(crate) fn attribution(&self) -> Attribution {
        self.sums.spend.attribution()
    }

    pub(crate) fn alert(&self, alert: &Alert<'_>) {
        self.use_current_provider();
        let sums = &self.sums;
        let task = self.task_names.on_metrics(&alert.task.name);
        let of_task = |key, name| NamedLabels::new(&task, key, name).with_team(&alert.task.dimensions);
        match alert.kind {
            AlertKind::Refused(refusal) => {
                sums.budget_refused.add(of_task(outlay::BUDGET_NAME, refusal.budget()), 1);
            }
            AlertKind::WouldRefuse(refusal) => {
                sums.budget_would_refuse.add(of_task(outlay::BUDGET_NAME, refusal.budget()), 1);
            }
            // The task that has just started is not the one whose budgets were forgotten.
            AlertKind::BudgetsForgotten(count) => {
                sums.budget_forgotten.add(NamedLabels::new(&task, outlay::BUDGET_NAME, alert.name), *count);
            }
            AlertKind::Violation(found) => {
                sums.policy_violations.add(of_task(outlay::POLICY_RULE, found.rule()), 1);
                if let Violation::Graduation { workflow, .. } = found.violation() {
                    sums.graduations.add(GraduationLabels { rule: found.rule().into(), workflow: workflow.clone() }, 1);
                }
            }
            AlertKind::Runaway(sign) => sums.policy_violations.add(of_task(outlay::POLICY_RULE, sign.as_str()), 1),
            _ => {}
        }
    }

    fn add_phase(&self, task: &Arc<str>, scope: &Scope, charge: &Charge) {
        self.sums.phase_cost.add(KindLabels::new(task, scope.cost_kind()), charge.total());
    }

    fn task_labels(&self, name: &Arc<str>, dimensions: &Dimensions, outcome: Outcome) -> TaskLabels {
        TaskLabels::new(&self.task_names.on_metrics(name), dimensions, outcome, &self.dimensions)
    }

    fn task_name(&self, scope: &Scope) -> Arc<str> {
        self.task_names.on_metrics(scope.task_name())
    }

    /// Returns the instruments of the global provider as it is now, unless a provider was given. It may be set, or replaced,
    /// at any time.
    fn use_current_provider(&self) -> &Instruments {
        self.instruments.check_provider();
        self.instruments()
    }

    fn instruments(&self) -> &Instruments {
        self.instruments.get(self.given.as_ref(), self.semconv, || Member {
            sums: self.sums.clone(),
            open: self.open.clone(),
            gauges: self.gauges.clone(),
        })
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Returns whether the task's waste is counted. That of an inner task is in the figures of the outer one, here or in the
/// process that asked for it.
fn counts_waste(task: &Scope) -> bool {
    task.is_root() && task.caller().is_none()
}
