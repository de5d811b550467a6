use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use outlay_ledger::{
    BudgetExceeded, BudgetRule, BudgetStore, Clock, Dimension, Dimensions, IdSource, Ledger, Policy, RunawayRule,
};
use outlay_price::Prices;

use crate::alerts::OnAlert;
use crate::degrade::{Degrade, OnRefusal};
use crate::engine::Extension;
use crate::metrics::Metrics;
use crate::names::outlay;
use crate::notice::Notice;
use crate::outside_tasks::OutsideTasks;
use crate::tracer::SpanSource;
use crate::{AttemptSpans, Engine, ResolveModel, Viewer};

/// Which release of the GenAI semantic conventions names the `gen_ai.*` attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Semconv {
    /// Those of 1.41, which today's viewers read: 1.42 deprecates every one of them.
    #[default]
    V1_42,
    /// The names of the conventions' own newer repository.
    Latest,
}

/// What to do when the application drops a stream before its end, and with it the figures that come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DroppedStream {
    /// Let it go, and count the most that the call can cost.
    #[default]
    Bound,
    /// Read on in the background, within limits of time and number, for the exact figure.
    Drain,
}

/// Sets up an [`Engine`].
#[derive(Debug)]
#[must_use]
pub struct EngineBuilder {
    pub(crate) ledger: outlay_ledger::LedgerBuilder,
    pub(crate) prices: Option<Prices>,
    pub(crate) spans: SpanSource,
    pub(crate) metrics: Metrics,
    pub(crate) attempt_spans: AttemptSpans,
    pub(crate) semconv: Semconv,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) resolver: Option<Arc<dyn ResolveModel>>,
    pub(crate) on_alert: OnAlert,
    pub(crate) policy: Option<Policy>,
    pub(crate) on_refusal: OnRefusal,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) request_metadata: Vec<Arc<str>>,
    pub(crate) propagated: Vec<Arc<str>>,
    pub(crate) dropped_stream: DroppedStream,
    pub(crate) outside_tasks: OutsideTasks,
    pub(crate) disabled: bool,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            ledger: Ledger::builder(),
            prices: None,
            spans: SpanSource::global(),
            metrics: Metrics::global(),
            attempt_spans: AttemptSpans::default(),
            semconv: Semconv::default(),
            viewers: Vec::new(),
            resolver: None,
            on_alert: OnAlert::default(),
            policy: None,
            on_refusal: OnRefusal::default(),
            extensions: Vec::new(),
            request_metadata: Vec::new(),
            propagated: Vec::new(),
            dropped_stream: DroppedStream::default(),
            outside_tasks: OutsideTasks::default(),
            disabled: false,
        }
    }
}

impl EngineBuilder {
    /// The price table. Defaults to the bundled one.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Where spans go. Defaults to the global provider, looked up at first use.
    pub fn tracer_provider<P, S>(mut self, provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Tracer<Span = S> + Send + Sync + 'static,
        S: Span + Send + Sync + 'static,
    {
        self.spans = SpanSource::given(provider);
        self
    }

    /// Where metrics go. Defaults to the global provider, looked up at first use.
    pub fn meter_provider(mut self, provider: &dyn MeterProvider) -> Self {
        self.metrics.set_provider(provider);
        self
    }

    /// Which attempts get a span. Defaults to those of calls that had more than one, or failed.
    pub const fn attempt_spans(mut self, which: AttemptSpans) -> Self {
        self.attempt_spans = which;
        self
    }

    /// Which conventions name the attributes. Defaults to those of 1.41.
    pub const fn semconv(mut self, semconv: Semconv) -> Self {
        self.semconv = semconv;
        self
    }

    /// Adds the attributes by which a viewer shows cost. Defaults to none.
    pub fn viewer(mut self, viewer: Viewer) -> Self {
        if !self.viewers.contains(&viewer) {
            self.viewers.push(viewer);
        }
        self
    }

    /// Who is asked what an id stands for that says nothing of its model. Defaults to nobody.
    pub fn model_resolver(mut self, resolver: impl ResolveModel + 'static) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// Adds a budget that holds all tasks of a kind. Defaults to none.
    pub fn budget_rule(mut self, rule: BudgetRule) -> Self {
        self.ledger = self.ledger.budget_rule(rule);
        self
    }

    /// What holds the budgets of rules, where several processes share them. Defaults to this process by itself.
    pub fn budget_store(mut self, store: impl BudgetStore + 'static) -> Self {
        self.ledger = self.ledger.budget_store(store);
        self
    }

    /// When a task looks like one that does not end by itself. Defaults to never.
    pub fn runaway(mut self, rule: RunawayRule) -> Self {
        self.ledger = self.ledger.runaway(rule);
        self
    }

    /// Limits, stops, and what is allowed to whom. Defaults to none.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Told of soft limits that are reached, of calls that are refused, and of runaways. It is called on the path of the
    /// call, and should return soon. Defaults to nobody.
    pub fn on_alert(mut self, tell: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.on_alert = OnAlert::new(tell);
        self
    }

    /// What becomes of a call that a budget refuses: `None` refuses it. It is asked on the path of the call, and again
    /// where the budget refuses what it said. Defaults to refusing.
    pub fn on_refusal(mut self, decide: impl Fn(&BudgetExceeded) -> Option<Degrade> + Send + Sync + 'static) -> Self {
        self.on_refusal = OnRefusal::new(decide);
        self
    }

    /// What of a call's scope goes into the request, for the provider's own log: a dimension by its name, or `task.id`,
    /// `task.name`, `agent.id`, `agent.name`, `step.id`, `step.kind`, `step.name`. Defaults to nothing.
    pub fn request_metadata<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        add_attributes(&mut self.request_metadata, keys);
        self
    }

    /// Which dimensions go to the other processes that work is asked of. Defaults to none.
    pub fn propagate<K: AsRef<str>>(mut self, dimensions: impl IntoIterator<Item = K>) -> Self {
        add_attributes(&mut self.propagated, dimensions);
        self
    }

    /// Something that whoever meters calls wants to find again, by its type: see [`Engine::extension`]. Defaults to
    /// nothing; of one type, the first holds.
    pub fn extension<T: Any + Send + Sync>(mut self, extension: T) -> Self {
        self.extensions.push(Arc::new(extension));
        self
    }

    /// What happens when a stream is dropped before its end. Defaults to counting the bound.
    pub const fn on_dropped_stream(mut self, what: DroppedStream) -> Self {
        self.dropped_stream = what;
        self
    }

    /// What happens to model calls outside any task. Defaults to making them, with a warning.
    pub const fn outside_tasks(mut self, what: OutsideTasks) -> Self {
        self.outside_tasks = what;
        self
    }

    /// Makes metering a pass-through: clients stay as they are. Defaults to metering.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// How long a finished scope waits for what is open in it. Defaults to 60 seconds.
    pub fn late_limit(mut self, limit: Duration) -> Self {
        self.ledger = self.ledger.late_limit(limit);
        self
    }

    /// How many calls, charges and scopes a task's report keeps. Defaults to 1,000.
    pub fn report_records(mut self, records: u32) -> Self {
        self.ledger = self.ledger.report_records(records);
        self
    }

    /// Whose every task is that does not say otherwise. Defaults to nobody's.
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.ledger = self.ledger.dimensions(dimensions);
        self
    }

    /// Puts a dimension of the user's own on metrics, each of whose values is a series of its own. Defaults to none.
    pub fn metric_dimension(mut self, key: &str) -> Self {
        self.metrics.add_dimension(key);
        self
    }

    /// Where the time comes from. Defaults to the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.ledger = self.ledger.clock(clock);
        self
    }

    /// Where ids come from. Defaults to UUIDs of version 7.
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ledger = self.ledger.ids(ids);
        self
    }

    /// The engine.
    pub fn build(self) -> Engine {
        Engine::new(self)
    }
}

fn add_attributes<K: AsRef<str>>(known: &mut Vec<Arc<str>>, names: impl IntoIterator<Item = K>) {
    for name in names {
        let key = attribute_of(name.as_ref());
        if !known.contains(&key) {
            known.push(key);
        }
    }
}

/// The attribute that holds what goes by a short name: `outlay.team`, `outlay.dim.tenant`.
fn attribute_of(name: &str) -> Arc<str> {
    const IDENTITY: [&str; 7] = [
        outlay::TASK_ID,
        outlay::TASK_NAME,
        outlay::AGENT_ID,
        outlay::AGENT_NAME,
        outlay::STEP_ID,
        outlay::STEP_KIND,
        outlay::STEP_NAME,
    ];
    let name = name.trim();
    let own = format!("outlay.{name}");
    let is_known = IDENTITY.contains(&own.as_str()) || Dimension::from_name(name).is_some();
    if is_known { own.into() } else { format!("{}{name}", outlay::DIM_PREFIX).into() }
}
