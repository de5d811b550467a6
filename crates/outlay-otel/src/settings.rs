use std::any::Any;
use std::sync::Arc;

use opentelemetry::metrics::{Meter, MeterProvider};
use outlay_ledger::{Dimension, LedgerBuilder, Policy};
use outlay_price::Prices;

use crate::call::AttemptSpans;
use crate::names::outlay;
use crate::notice::OnAlert;
use crate::on_refusal::OnRefusal;
use crate::outcome_token::TokenSettings;
use crate::registry::{OutsideTasks, ResolveModel};
use crate::semconv::{PerRelease, Semconv};
use crate::span_source::SpanSource;
use crate::viewer_attributes::Viewer;

/// What to do when the application drops a stream before its end, where the usage is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DroppedStream {
    /// Drops the stream and counts the maximum cost of the call.
    #[default]
    Bound,
    /// Reads the rest in the background to get the exact cost. The time and the number of streams are limited.
    Drain,
}

/// A value for the crate that meters calls, see [`Engine::extension`](crate::Engine::extension).
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
    /// The settings of the ledger: clock, ids, limits, budgets and default dimensions. Its `on_alert` is replaced.
    pub ledger: LedgerBuilder,
    /// The price table. Defaults to the bundled table.
    pub prices: Option<Prices>,
    /// The source of spans. Defaults to the global provider, looked up at first use.
    pub spans: SpanSource,
    /// The meters for metrics. Defaults to those of the global provider, looked up at first use.
    pub meters: Option<Meters>,
    /// The keys of the custom dimensions on metrics. Each value has its own series. Defaults to none.
    pub metric_dimensions: Vec<Arc<str>>,
    /// Which attempts get a span. Defaults to the attempts of calls that failed or had more than one attempt.
    pub attempt_spans: AttemptSpans,
    /// The conventions that name the attributes. Defaults to 1.41.
    pub semconv: Semconv,
    /// Whether calls have the cost attributes that were proposed for the conventions. They must not be combined with a
    /// viewer that [conflicts](Viewer::conflicts_with_cost_attributes). Defaults to `false`.
    pub cost_attributes: bool,
    /// The viewers that get attributes of their own. Defaults to none.
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
    /// The keys of the attributes in the request metadata, see [`push_attribute_keys`]. Defaults to none.
    pub request_metadata: Vec<Arc<str>>,
    /// The keys of the attributes that are sent to other processes, see [`push_attribute_keys`]. Defaults to none.
    pub propagated: Vec<Arc<str>>,
    /// What to do when a stream is dropped before its end. Defaults to counting the maximum cost.
    pub dropped_stream: DroppedStream,
    /// What to do with calls outside any task. Defaults to making them, with a warning.
    pub outside_tasks: OutsideTasks,
    /// The tokens with which another process sets the outcome of a task. Defaults to unsigned ones that are valid for 30
    /// days.
    pub outcome_tokens: TokenSettings,
    /// Whether metering is disabled: clients stay as they are. Defaults to `false`.
    pub disabled: bool,
}

/// The meters of one provider: one for the metrics of each release of the conventions.
#[derive(Clone, Debug)]
pub struct Meters(PerRelease<Meter>);

impl Meters {
    /// Returns the meters of a provider.
    pub fn of_provider(provider: &dyn MeterProvider) -> Self {
        Self(PerRelease::new(|scope| provider.meter_with_scope(scope)))
    }

    pub(crate) fn of(&self, semconv: Semconv) -> Meter {
        self.0.get(semconv).clone()
    }
}

/// Adds the attribute keys for these short names: `outlay.team` for `team`, `outlay.dim.tenant` for `tenant`.
pub fn push_attribute_keys<K: AsRef<str>>(keys: &mut Vec<Arc<str>>, names: impl IntoIterator<Item = K>) {
    for name in names {
        let key = attribute_key(name.as_ref());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
}

fn attribute_key(name: &str) -> Arc<str> {
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
