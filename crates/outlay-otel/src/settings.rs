use std::any::Any;
use std::sync::Arc;

use opentelemetry::metrics::{Meter, MeterProvider};
use outlay_ledger::{Dimension, LedgerBuilder, Policy};
use outlay_price::Prices;

use crate::call::AttemptSpans;
use crate::names::outlay;
use crate::notice::OnAlert;
use crate::on_refusal::OnRefusal;
use crate::registry::{OutsideTasks, ResolveModel};
use crate::span_source::{SpanSource, instrumentation_scope};
use crate::viewer::Viewer;

/// Which release of the GenAI semantic conventions names the `gen_ai.*` attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Semconv {
    /// The names of 1.41, which current viewers read. 1.42 deprecates every one of them.
    #[default]
    V1_42,
    /// The names of the conventions' own newer repository.
    Latest,
}

/// What to do when the application drops a stream before its end, and with it the figures that come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DroppedStream {
    /// Drops the stream, and counts the most that the call can cost.
    #[default]
    Bound,
    /// Reads the rest in the background, within limits of time and number, for the exact figure.
    Drain,
}

/// A value that the crate that meters calls finds again, see [`Engine::extension`](crate::Engine::extension).
pub type Extension = Arc<dyn Any + Send + Sync>;

/// The settings of an [`Engine`](crate::Engine).
///
/// ```
/// use std::time::Duration;
/// use outlay_otel::{Engine, Settings};
///
/// let mut settings = Settings::default();
/// settings.ledger = settings.ledger.late_limit(Duration::from_secs(5));
/// let engine = Engine::new(settings);
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The settings of the ledger: clock, ids, limits, budgets, default dimensions. Its `on_alert` is replaced.
    pub ledger: LedgerBuilder,
    /// The price table. Defaults to the bundled one.
    pub prices: Option<Prices>,
    /// Where spans go. Defaults to the global provider, looked up at first use.
    pub spans: SpanSource,
    /// The meter that metrics go to, see [`meter_of`]. Defaults to one of the global provider, looked up at first use.
    pub meter: Option<Meter>,
    /// The keys of the user's own dimensions that are on metrics. Each value is a series of its own. Defaults to none.
    pub metric_dimensions: Vec<Arc<str>>,
    /// Which attempts get a span. Defaults to those of calls that had more than one, or failed.
    pub attempt_spans: AttemptSpans,
    /// Which conventions name the attributes. Defaults to 1.41.
    pub semconv: Semconv,
    /// The viewers whose own cost attributes are set. Defaults to none.
    pub viewers: Vec<Viewer>,
    /// Resolves opaque model ids. Defaults to none.
    pub resolver: Option<Arc<dyn ResolveModel>>,
    /// Receives alerts. Defaults to none.
    pub on_alert: OnAlert,
    /// Limits, stops and rules. Defaults to none.
    pub policy: Policy,
    /// Decides about calls that a budget refuses. Defaults to refusing them.
    pub on_refusal: OnRefusal,
    /// A value for the crate that meters calls. Defaults to none.
    pub extension: Option<Extension>,
    /// The attributes that go into the request, see [`attribute_names`]. Defaults to none.
    pub request_metadata: Vec<Arc<str>>,
    /// The attributes that go to other processes, see [`attribute_names`]. Defaults to none.
    pub propagated: Vec<Arc<str>>,
    /// What happens when a stream is dropped before its end. Defaults to counting the bound.
    pub dropped_stream: DroppedStream,
    /// What happens to calls outside any task. Defaults to making them, with a warning.
    pub outside_tasks: OutsideTasks,
    /// Whether metering is a pass-through: clients stay as they are. Defaults to `false`.
    pub disabled: bool,
}

/// Returns Outlay's meter of a provider.
pub fn meter_of(provider: &dyn MeterProvider) -> Meter {
    provider.meter_with_scope(instrumentation_scope())
}

/// Adds the attributes that hold what goes by these short names: `team` is `outlay.team`, `tenant` is `outlay.dim.tenant`.
pub fn attribute_names<K: AsRef<str>>(known: &mut Vec<Arc<str>>, names: impl IntoIterator<Item = K>) {
    for name in names {
        let key = attribute_of(name.as_ref());
        if !known.contains(&key) {
            known.push(key);
        }
    }
}

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
