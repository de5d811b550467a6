use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use outlay_ledger::Ledger;
use outlay_price::Prices;

use crate::alerts;
use crate::call::AttemptSpans;
use crate::metrics::{GaugeSources, Metrics};
use crate::on_refusal::OnRefusal;
use crate::outcome_token::TokenSettings;
use crate::prompt_tokens::MeasuredPrompts;
use crate::registry::{
    ClosedTasks, ExpectedReceipts, InternedTexts, IssuedReceipts, Jobs, Models, OpenTasks, OutsideSites,
};
use crate::semconv::Semconv;
use crate::settings::{DroppedStream, Extension, Settings};
use crate::span_source::SpanSource;
use crate::viewer_attributes::Viewer;

/// The state of one engine. Each scope holds it, and it holds no scope.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) ledger: Ledger,
    pub(crate) models: Arc<Models>,
    pub(crate) spans: SpanSource,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) attempt_spans: AttemptSpans,
    pub(crate) semconv: Semconv,
    /// Whether calls have the cost attributes that were proposed for the conventions.
    pub(crate) cost_attributes: bool,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) jobs: Jobs,
    pub(crate) open_tasks: Arc<OpenTasks>,
    pub(crate) closed_tasks: ClosedTasks,
    pub(crate) outcome_tokens: TokenSettings,
    pub(crate) expected_receipts: ExpectedReceipts,
    pub(crate) issued_receipts: IssuedReceipts,
    /// The keys of the attributes that are sent to other processes.
    pub(crate) propagated: Vec<Arc<str>>,
    /// The keys of the attributes that go into the request metadata, for the provider's own log.
    pub(crate) request_metadata: Vec<Arc<str>>,
    pub(crate) compares_calls: AtomicBool,
    pub(crate) on_refusal: OnRefusal,
    pub(crate) extension: Option<Extension>,
    pub(crate) dropped_stream: DroppedStream,
    pub(crate) disabled: bool,
    pub(crate) texts: InternedTexts,
    /// The models that were reported as unpriced.
    pub(crate) unpriced: InternedTexts,
    pub(crate) measured_prompts: MeasuredPrompts,
    pub(crate) outside: OutsideSites,
}

impl Core {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let open_tasks = Arc::<OpenTasks>::default();
        let metrics = Arc::new(Metrics::new(
            settings.semconv,
            settings.meters,
            settings.metric_dimensions,
            open_tasks.clone(),
            settings.ledger.has_budget_store(),
        ));
        let observer = alerts::observer(metrics.clone(), open_tasks.clone(), settings.on_alert);
        let ledger = settings.ledger.on_alert(observer).build();
        let prices = settings.prices.unwrap_or_else(Prices::bundled);
        let models = Arc::new(Models::new(prices, settings.resolver, ledger.clone()));
        let of_age = Arc::downgrade(&models);
        metrics.set_gauge_sources(GaugeSources {
            budgets: ledger.budgets_in_force(),
            price_age: Arc::new(move || of_age.upgrade()?.price_age()),
        });
        Arc::new(Self {
            models,
            ledger,
            spans: settings.spans.named_by(settings.semconv),
            metrics,
            attempt_spans: settings.attempt_spans,
            semconv: settings.semconv,
            cost_attributes: settings.cost_attributes,
            viewers: settings.viewers,
            jobs: Jobs::default(),
            open_tasks,
            closed_tasks: ClosedTasks::default(),
            outcome_tokens: settings.outcome_tokens,
            expected_receipts: ExpectedReceipts::default(),
            issued_receipts: IssuedReceipts::default(),
            propagated: settings.propagated,
            request_metadata: settings.request_metadata,
            compares_calls: AtomicBool::new(false),
            on_refusal: settings.on_refusal,
            extension: settings.extension,
            dropped_stream: settings.dropped_stream,
            disabled: settings.disabled,
            texts: InternedTexts::default(),
            unpriced: InternedTexts::default(),
            measured_prompts: MeasuredPrompts::default(),
            outside: OutsideSites::new(settings.outside_tasks),
        })
    }

    /// Returns the current time of the ledger's clock.
    pub(crate) fn now(&self) -> SystemTime {
        self.ledger.now()
    }

    /// Returns the price table in force.
    pub(crate) fn prices(&self) -> Prices {
        self.models.prices()
    }
}
