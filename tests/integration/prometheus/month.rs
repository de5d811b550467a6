//! Five weeks of simulated tasks: in a real Prometheus, with the metrics of each hour, and as facts from the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use bedrock_sim::{Reply, Tokens};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use outlay::budget::{BudgetRule, Period};
use outlay::policy::{Policy, RunawayRule};
use outlay::{Budget, Outcome, OutcomeKind, Prices, Task, TaskBuilder, TaskId, Usd};
use outlay_ledger::Totals;
use outlay_tests::{HAIKU, Harness, ManualClock, MetricStore, SONNET, converse, haiku};
use prost::Message as _;

/// 2026-10-01T00:00:00Z
const START: u64 = 1_790_812_800;
/// Five weeks and a day, so that the last week has four before it.
pub(super) const HOURS: u64 = 36 * 24;
/// The hour in which the service is restarted.
const RESTART: u64 = 22 * 24;
/// The first hour of November.
pub(super) const NOVEMBER: u64 = 31 * 24;
/// The last week, in which a ticket costs twice as much.
pub(super) const LAST_WEEK: u64 = HOURS - 7 * 24;
/// A model without a price.
pub(super) const UNKNOWN: &str = "acme.unknown-v1:0";

/// Prices that are 52 days old at the end. The bundled prices are newer than the end, so they have no age.
const PRICES: &str = "version = \"2026-09-15\"\n[[price]]\nmodel = \"acme.own\"\ninput = \"1\"\n";

const POLICY: &str = r#"
    [[rule]]
    name = "sandbox"
    only = { environment = "sandbox" }
    [rule.graduate]
    tasks_per_day = 3

    [[rule]]
    name = "owned"
    only = { task = "clean-up" }
    require = ["team"]
"#;

/// The labels of a fact, by their names in Prometheus.
pub(super) type Labels = BTreeMap<&'static str, &'static str>;

/// A task, or a call outside any task.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) hour: u64,
    /// The process: the number of those before it.
    pub(super) process: u64,
    pub(super) labels: Labels,
    /// The cost of the task. The cost of inner tasks is not in it.
    pub(super) cost: Usd,
    /// The cost with that of inner tasks.
    pub(super) total: Usd,
    pub(super) is_inner: bool,
    pub(super) failed_cost: Usd,
    pub(super) by_direction: [(&'static str, Usd); 6],
    pub(super) by_kind: Vec<(String, Usd)>,
    pub(super) by_model: Vec<ModelFact>,
    pub(super) calls: u64,
    pub(super) attempts: u64,
    /// `None` if it is no task, or has not closed.
    pub(super) outcome: Option<Outcome>,
}

/// The calls of one model.
#[derive(Debug)]
pub(super) struct ModelFact {
    pub(super) model: String,
    pub(super) cost: Usd,
    pub(super) calls: u64,
    pub(super) unpriced_calls: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

impl Fact {
    fn new(hour: u64, process: u64, labels: &Labels, totals: &Totals, outcome: Option<Outcome>) -> Self {
        let by_model = totals.by_model().iter().map(|of| ModelFact {
            model: of.model.to_string(),
            cost: of.cost,
            calls: of.calls,
            unpriced_calls: of.unpriced_calls,
            input_tokens: of.usage.input_tokens(),
            output_tokens: of.usage.output_tokens(),
        });
        Self {
            hour,
            process,
            labels: labels.clone(),
            cost: totals.cost().usd().unwrap_or_default(),
            total: totals.cost().usd().unwrap_or_default(),
            is_inner: false,
            failed_cost: totals.failed_cost(),
            by_direction: totals.by_direction().parts(),
            by_kind: totals.by_kind().iter().map(|of| (of.kind.as_str().to_owned(), of.cost)).collect(),
            by_model: by_model.collect(),
            calls: totals.calls(),
            attempts: totals.attempts(),
            outcome,
        }
    }

    /// Subtracts an inner task, which consists of a charge.
    fn without(&mut self, inner: &mut Self) {
        inner.is_inner = true;
        self.cost = self.cost.saturating_sub(inner.cost);
        for ((_, cost), (_, less)) in self.by_direction.iter_mut().zip(&inner.by_direction) {
            *cost = cost.saturating_sub(*less);
        }
        for (kind, less) in &inner.by_kind {
            let own = self.by_kind.iter_mut().find(|(own, _)| own == kind);
            let (_, cost) = own.expect("the outer task has all kinds of the inner one");
            *cost = cost.saturating_sub(*less);
        }
    }
}

/// An outcome that was revised after its task had closed.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) hour: u64,
    pub(super) labels: Labels,
    pub(super) before: Outcome,
    pub(super) after: Outcome,
}

/// A task whose outcome is to be revised, with its labels and its outcome so far.
type ToRevise = (TaskId, Labels, Outcome);

/// The facts, and the store with the metrics.
pub(super) struct Month {
    pub(super) store: MetricStore,
    pub(super) facts: Vec<Fact>,
    pub(super) revisions: Vec<Revision>,
    /// The hours with a refused call.
    pub(super) refused: Vec<u64>,
    /// A task that is open at the end.
    open: Option<Task>,
}

/// A process with its own exports.
struct Process {
    number: u64,
    started: u64,
    h: Harness,
    clock: ManualClock,
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

/// Returns the time of an hour, in seconds since 1970.
pub(super) const fn at(hour: u64) -> u64 {
    START + hour * 3_600
}

impl Month {
    /// Simulates the weeks. Returns `None` under the conditions of [`MetricStore::start`].
    pub(super) async fn simulate() -> Option<Self> {
        let store = MetricStore::start("prometheus.sh")?;
        let mut month = Self { store, facts: Vec::new(), revisions: Vec::new(), refused: Vec::new(), open: None };
        let mut service = Process::start(0, 0).await;
        let mut to_revise: Option<ToRevise> = None;
        for hour in 0..=HOURS {
            if hour == RESTART {
                service = Process::start(1, hour).await;
                to_revise = None;
            }
            service.clock.set(at(hour));
            if let Some((task, labels, before)) = to_revise.take() {
                let after = if before.kind() == OutcomeKind::Success { Outcome::failure() } else { Outcome::success() };
                assert!(service.h.outlay.set_outcome(task, after));
                month.revisions.push(Revision { hour, labels, before, after });
            }
            to_revise = month.resolve_ticket(&service, hour).await;
            month.other_work(&service, hour).await;
            month.export(&service, hour).await;
            if hour % 24 == 3 {
                let job = Process::start(2 + hour / 24, hour).await;
                month.report(&job, hour).await;
                month.export(&job, hour).await;
            }
        }
        Some(month)
    }

    /// Resolves a ticket. Returns it if its outcome is to be revised in the next hour.
    async fn resolve_ticket(&mut self, service: &Process, hour: u64) -> Option<ToRevise> {
        let labels = BTreeMap::from([
            ("outlay_task_name", "resolve-ticket"),
            ("outlay_team", "support"),
            ("outlay_product", "helpdesk"),
            ("outlay_cost_center", "cc-1"),
            ("outlay_environment", "production"),
            ("outlay_customer_segment", if hour.is_multiple_of(2) { "enterprise" } else { "smb" }),
            ("outlay_workflow", "tickets"),
        ]);
        let h = &service.h;
        let task = start(h, &labels, |task| task);
        let work = outlay::agent("triage").run(async {
            outlay::plan("read").run(h.ask(HAIKU, 1_000, 100)).await;
            if hour.is_multiple_of(9) {
                h.sim.push(Reply::throttled());
            }
            let mut tokens = Tokens::new(20_000, 2_000);
            if hour.is_multiple_of(4) {
                tokens = tokens.cache_read(5_000).cache_write_5m(1_000);
            }
            outlay::step("act", "answer").run(ask(h, SONNET, tokens)).await;
            if hour > LAST_WEEK {
                outlay::retry(2).run(ask(h, SONNET, tokens)).await;
            }
        });
        task.run(work).await;
        let outcome = match hour.is_multiple_of(5) {
            true => Outcome::failure(),
            false => Outcome::success().value(Usd::from_cents(50)),
        };
        let id = task.id();
        self.finish(service, hour, &labels, task, outcome);
        let is_success = outcome.kind() == OutcomeKind::Success;
        let is_wrong = if is_success { hour.is_multiple_of(7) } else { hour.is_multiple_of(10) };
        is_wrong.then_some((id, labels, outcome))
    }

    /// Does what else the service does in an hour.
    async fn other_work(&mut self, service: &Process, hour: u64) {
        let h = &service.h;
        if hour % 3 == 1 {
            let labels = BTreeMap::from([
                ("outlay_task_name", "try-prompt"),
                ("outlay_team", "research"),
                ("outlay_product", "lab"),
                ("outlay_cost_center", "cc-2"),
                ("outlay_environment", "sandbox"),
                ("outlay_workflow", "experiments"),
            ]);
            let task = start(h, &labels, |task| task);
            task.run(outlay::plan("try").run(h.ask(HAIKU, 100_000, 10_000))).await;
            self.finish(service, hour, &labels, task, Outcome::success().value(Usd::from_dollars(1)));
        }
        if hour % 12 == 5 {
            let labels = BTreeMap::from([("outlay_task_name", "clean-up"), ("outlay_environment", "production")]);
            let task = start(h, &labels, |task| task);
            task.run(async {
                outlay::tool("search").run(async { outlay::charge("serp-api", Usd::from_cents(1)) }).await
            })
            .await;
            let inner = task.run(async { h.outlay.task("archive").start() }).await;
            inner.charge("storage", Usd::from_cents(2));
            let of_inner = BTreeMap::from([("outlay_task_name", "archive"), ("outlay_environment", "production")]);
            self.finish(service, hour, &of_inner, inner, Outcome::success());
            self.finish(service, hour, &labels, task, Outcome::abandoned());
            let [.., inner, outer] = self.facts.as_mut_slice() else { panic!("two facts") };
            outer.without(inner);
        }
        if hour % 6 == 2 {
            h.ask(HAIKU, 1_000, 100).await;
            let labels = BTreeMap::from([("outlay_task_name", "unattributed")]);
            let totals = call_in_a_task().await;
            self.facts.push(Fact::new(hour, service.number, &labels, &totals, None));
        }
        if hour % 24 == 10 || hour == HOURS {
            let labels = BTreeMap::from([
                ("outlay_task_name", "try-model"),
                ("outlay_team", "support"),
                ("outlay_workflow", "trials"),
            ]);
            let task = start(h, &labels, |task| task);
            task.run(ask(h, UNKNOWN, Tokens::new(10, 10))).await;
            self.finish(service, hour, &labels, task, Outcome::success());
        }
        if hour % 8 == 4 {
            let labels = BTreeMap::from([("outlay_task_name", "long-answer"), ("outlay_team", "support")]);
            let task = start(h, &labels, |task| task.budget(Usd::from_cents(1)));
            let long = InferenceConfiguration::builder().max_tokens(100_000).build();
            task.run(haiku(&h.client).inference_config(long).send()).await.unwrap_err();
            self.refused.push(hour);
            self.finish(service, hour, &labels, task, Outcome::failure());
        }
        if hour == HOURS {
            let labels = BTreeMap::from([("outlay_task_name", "loop"), ("outlay_team", "research")]);
            let task = start(h, &labels, |task| task);
            for _ in 0..3 {
                task.run(h.ask(HAIKU, 1_000, 100)).await;
            }
            self.finish(service, hour, &labels, task, Outcome::failure());
            let labels = BTreeMap::from([("outlay_task_name", "talk"), ("outlay_team", "research")]);
            let task = start(h, &labels, |task| task);
            task.charge("serp-api", Usd::from_cents(2));
            self.facts.push(Fact::new(hour, service.number, &labels, &task.totals(), None));
            self.open = Some(task);
        }
    }

    /// Runs the task of a job that exports once, on exit.
    async fn report(&mut self, job: &Process, hour: u64) {
        let labels = BTreeMap::from([
            ("outlay_task_name", "write-report"),
            ("outlay_team", "finance"),
            ("outlay_environment", "production"),
            ("outlay_workflow", "reports"),
        ]);
        let task = start(&job.h, &labels, |task| task);
        task.run(job.h.ask(HAIKU, 50_000, 5_000)).await;
        self.finish(job, hour, &labels, task, Outcome::success());
    }

    fn finish(&mut self, process: &Process, hour: u64, labels: &Labels, task: Task, outcome: Outcome) {
        let report = task.finish(outcome);
        self.facts.push(Fact::new(hour, process.number, labels, report.totals(), Some(outcome)));
    }

    /// Sends what the process exports in this hour, with the time of the simulation.
    async fn export(&self, process: &Process, hour: u64) {
        process.provider.force_flush().unwrap();
        let exports = process.exporter.get_finished_metrics().unwrap();
        process.exporter.reset();
        let request = at_time(exports.last().unwrap(), process.started, at(hour));
        self.store.send(request.encode_to_vec()).await;
    }
}

impl Process {
    async fn start(number: u64, hour: u64) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let instance = opentelemetry::KeyValue::new("service.instance.id", number.to_string());
        let resource = Resource::builder().with_service_name("helpdesk").with_attribute(instance).build();
        let provider =
            SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(exporter.clone()).build();
        let clock = ManualClock::at(at(hour));
        let h = Harness::with(|builder| {
            builder
                .clock(clock.clone())
                .meter_provider(&provider)
                .late_limit(Duration::ZERO)
                .prices(Prices::from_toml(PRICES).unwrap())
                .policy(Policy::from_toml(POLICY).unwrap())
                .runaway(RunawayRule::new().same_call(3))
                .budget_rule(
                    BudgetRule::new("teams", Budget::new(Usd::from_dollars(30)).observe().allow_unpriced())
                        .per("team")
                        .every(Period::Month)
                        .owner("ana"),
                )
                .budget_rule(
                    BudgetRule::new("sandbox", Budget::calls(5).observe())
                        .only("environment", "sandbox")
                        .every(Period::Day),
                )
                .budget_rule(
                    BudgetRule::new("nothing", Budget::new(Usd::ZERO).observe())
                        .only("team", "research")
                        .every(Period::Day),
                )
        })
        .await;
        Self { number, started: at(hour), h, clock, provider, exporter }
    }
}

/// Starts a task with the dimensions that the labels stand for.
fn start(h: &Harness, labels: &Labels, set: impl FnOnce(TaskBuilder) -> TaskBuilder) -> Task {
    let mut task = set(h.outlay.task(labels["outlay_task_name"]));
    for (label, value) in labels.iter().filter(|(label, _)| **label != "outlay_task_name") {
        task = task.dimension(label.strip_prefix("outlay_").unwrap(), value);
    }
    task.start()
}

/// Returns the figures of a task of another process with a call like those outside any task.
async fn call_in_a_task() -> Totals {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    task.finish(Outcome::success()).totals().clone()
}

async fn ask(h: &Harness, model: &str, tokens: Tokens) {
    h.sim.push(Reply::message().text("ok").usage(tokens));
    converse(&h.client, model).send().await.unwrap();
}

/// Returns an export with another time.
fn at_time(export: &ResourceMetrics, started: u64, now: u64) -> ExportMetricsServiceRequest {
    let mut request = ExportMetricsServiceRequest::from(export);
    let metrics = request.resource_metrics.iter_mut().flat_map(|all| &mut all.scope_metrics);
    for metric in metrics.flat_map(|scope| &mut scope.metrics) {
        macro_rules! set {
            ($points:expr) => {
                for point in $points {
                    (point.start_time_unix_nano, point.time_unix_nano) = (started * 1_000_000_000, now * 1_000_000_000);
                }
            };
        }
        match metric.data.as_mut().unwrap() {
            Data::Gauge(gauge) => set!(&mut gauge.data_points),
            Data::Sum(sum) => set!(&mut sum.data_points),
            Data::Histogram(histogram) => set!(&mut histogram.data_points),
            other => panic!("unexpected data: {other:?}"),
        }
    }
    request
}
