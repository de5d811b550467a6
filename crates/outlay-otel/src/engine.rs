use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::SystemTime;

use hashbrown::HashSet;
use outlay_ledger::{BudgetExceeded, BudgetRule, Ledger, Policy, StopTarget, TaskSpec, Totals};
use outlay_price::{ParseModelError, Prices};

use crate::degrade::{Degrade, OnRefusal};
use crate::job::Jobs;
use crate::late_outcome::ClosedTasks;
use crate::metrics::Metrics;
use crate::open_tasks::OpenTasks;
use crate::outside_tasks::{self, OutsideWork};
use crate::prompt_tokens::MeasuredPrompts;
use crate::propagation::{Issued, Waiting};
use crate::resolver::{Learned, Resolver};
use crate::settings::{DroppedStream, EngineBuilder, Semconv};
use crate::tracer::SpanSource;
use crate::{AttemptSpans, Incoming, OpenScope, Scope, Viewer, alerts};

/// As many distinct texts are shared; beyond it each call allocates its own.
const MAX_TEXTS: usize = 1_000;

/// A ledger, a price table, and the providers that spans and metrics go to. Cloning it is cheap and means the same
/// engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// An [`Engine`] that is not kept alive.
#[derive(Clone)]
pub struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    /// The engine, while anybody else has it.
    pub fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

/// Something that others have given to the engine, and know the type of.
pub(crate) type Extension = Arc<dyn Any + Send + Sync>;

pub(crate) struct Inner {
    pub(crate) ledger: Ledger,
    prices: RwLock<PriceTable>,
    pub(crate) resolver: Resolver,
    pub(crate) spans: SpanSource,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) attempt_spans: AttemptSpans,
    pub(crate) semconv: Semconv,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) jobs: Jobs,
    pub(crate) open_tasks: Arc<OpenTasks>,
    pub(crate) closed_tasks: ClosedTasks,
    pub(crate) waiting: Waiting,
    pub(crate) issued: Issued,
    /// The attributes that go to other processes.
    pub(crate) propagated: Vec<Arc<str>>,
    request_metadata: Vec<Arc<str>>,
    compares_calls: AtomicBool,
    on_refusal: OnRefusal,
    extensions: Vec<Extension>,
    dropped_stream: DroppedStream,
    disabled: bool,
    texts: Mutex<HashSet<Arc<str>>>,
    unpriced: Mutex<HashSet<Arc<str>>>,
    pub(crate) measured_prompts: MeasuredPrompts,
    pub(crate) outside: OutsideWork,
}

/// The prices that are set, and those with what has been found out beside them.
struct PriceTable {
    in_force: Prices,
    aliases: Vec<Learned>,
}

impl Engine {
    /// An engine with other than the default settings.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    pub(crate) fn new(settings: EngineBuilder) -> Self {
        let (metrics, open_tasks) = (Arc::new(settings.metrics), Arc::new(OpenTasks::default()));
        let observer = alerts::observer(metrics.clone(), open_tasks.clone(), settings.on_alert);
        let engine = Self(Arc::new(Inner {
            ledger: settings.ledger.on_alert(observer).build(),
            prices: RwLock::new(PriceTable {
                in_force: settings.prices.unwrap_or_else(Prices::bundled),
                aliases: Vec::new(),
            }),
            resolver: Resolver::new(settings.resolver),
            spans: settings.spans,
            metrics,
            attempt_spans: settings.attempt_spans,
            semconv: settings.semconv,
            viewers: settings.viewers,
            jobs: Jobs::default(),
            open_tasks,
            closed_tasks: ClosedTasks::default(),
            waiting: Waiting::default(),
            issued: Issued::default(),
            propagated: settings.propagated,
            request_metadata: settings.request_metadata,
            compares_calls: AtomicBool::new(false),
            on_refusal: settings.on_refusal,
            extensions: settings.extensions,
            dropped_stream: settings.dropped_stream,
            disabled: settings.disabled,
            texts: Mutex::default(),
            unpriced: Mutex::default(),
            measured_prompts: MeasuredPrompts::default(),
            outside: OutsideWork::new(settings.outside_tasks),
        }));
        engine.set_policy(settings.policy.unwrap_or_default());
        engine
    }

    /// Puts another policy in force, for tasks that start from now on; its stops hold the open ones too.
    pub fn set_policy(&self, policy: Policy) {
        self.0.ledger.set_policy(policy);
        let compares = self.0.ledger.runaway().is_some_and(|rule| rule.compares_calls());
        // Once it is asked for it goes on: an open task keeps the rule that it started under.
        self.0.compares_calls.fetch_or(compares, Ordering::Relaxed);
    }

    /// The same engine, for somebody who must not keep it alive.
    pub fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// Opens a task: inside the current scope if that belongs to this engine, else as the root of a tree of its own.
    pub fn open_task(&self, spec: TaskSpec) -> OpenScope {
        outside_tasks::task_opened();
        OpenScope::task(self, spec)
    }

    /// Opens a task that another process asked for: a tree of its own here, below the span of who asked. What the sender
    /// says of its dimensions holds where `spec` says nothing.
    pub fn open_task_for(&self, spec: TaskSpec, incoming: &Incoming) -> OpenScope {
        outside_tasks::task_opened();
        OpenScope::task_for(self, spec.caller(incoming.caller().clone()), incoming)
    }

    /// What the calls outside any task cost.
    pub fn unattributed(&self) -> Totals {
        self.0.ledger.unattributed().totals()
    }

    /// The scope of calls outside any task.
    pub fn unattributed_scope(&self) -> Scope {
        Scope::new(self.clone(), self.0.ledger.unattributed().clone(), None)
    }

    /// The price table in force.
    pub fn prices(&self) -> Prices {
        self.0.prices.read().unwrap_or_else(PoisonError::into_inner).in_force.clone()
    }

    /// Puts another price table in force, at once for all calls that settle from now on. What is charged already keeps
    /// its price, and what has been found out about opaque models stays known.
    pub fn set_prices(&self, prices: Prices) {
        let mut table = self.0.prices.write().unwrap_or_else(PoisonError::into_inner);
        // Each of them has been taken once.
        table.in_force = table.aliases.iter().fold(prices, |prices, learned| learned.over(&prices).unwrap_or(prices));
    }

    /// `from` stands for `to`.
    pub(crate) fn learn_alias(&self, learned: Learned) -> Result<(), ParseModelError> {
        let mut table = self.0.prices.write().unwrap_or_else(PoisonError::into_inner);
        table.in_force = learned.over(&table.in_force)?;
        table.aliases.push(learned);
        Ok(())
    }

    /// Puts other budget rules in force, for tasks that start from now on and for calls in none. A budget that goes by the same name keeps what
    /// has been spent of it; one that counts something else, or over another period, begins anew.
    pub fn set_budget_rules(&self, rules: Vec<BudgetRule>) {
        self.0.ledger.set_budget_rules(rules);
    }

    /// Whether several processes share the budgets of rules: each call that has one asks a store before it is sent.
    pub fn has_budget_store(&self) -> bool {
        self.0.ledger.has_budget_store()
    }

    /// What to do when a stream is dropped before its end.
    pub fn dropped_stream(&self) -> DroppedStream {
        self.0.dropped_stream
    }

    /// The attributes of a call's scope that go into its request, for the provider's own log.
    pub fn request_metadata_keys(&self) -> &[Arc<str>] {
        &self.0.request_metadata
    }

    /// Whether requests are to be told apart, for signs of a runaway.
    pub fn compares_calls(&self) -> bool {
        self.0.compares_calls.load(Ordering::Relaxed)
    }

    /// Whether a call that a budget refuses may be degraded.
    pub fn degrades(&self) -> bool {
        self.0.on_refusal.is_set()
    }

    /// What becomes of a call that a budget refuses; `None` where it is refused.
    pub fn degrade(&self, refusal: &BudgetExceeded) -> Option<Degrade> {
        self.0.on_refusal.decide(refusal)
    }

    /// Stops a task that is open, or a kind of tasks: their next calls are refused. False where there is no such task.
    pub fn stop(&self, target: &StopTarget, reason: &str) -> bool {
        match target.task_id() {
            Some(id) => {
                let parts = self.0.open_tasks.find_all(id);
                parts.iter().for_each(|task| task.books().stop(reason));
                !parts.is_empty()
            }
            None => {
                self.0.ledger.stop(target, reason);
                true
            }
        }
    }

    /// Lets go on what was stopped. False where it was not.
    pub fn resume(&self, target: &StopTarget) -> bool {
        match target.task_id() {
            Some(id) => self.0.open_tasks.find_all(id).iter().filter(|task| task.books().resume()).count() > 0,
            None => self.0.ledger.resume(target),
        }
    }

    /// What the builder was given of this type.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.extensions.iter().find_map(|extension| extension.downcast_ref())
    }

    /// Whether metering is a pass-through.
    pub fn is_disabled(&self) -> bool {
        self.0.disabled
    }

    /// The time, by the ledger's clock.
    pub fn now(&self) -> SystemTime {
        self.0.ledger.now()
    }

    /// Closes the finished scopes that have waited for longer than the late limit. It happens by itself; this is for
    /// those who inject a clock.
    pub fn close_overdue(&self) {
        self.0.ledger.close_overdue();
    }

    /// A text that comes again and again, such as a model id, shared between all that hold it.
    pub fn intern(&self, text: &str) -> Arc<str> {
        let mut texts = self.0.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.get(text) {
            return known.clone();
        }
        let name: Arc<str> = Arc::from(text);
        if texts.len() < MAX_TEXTS {
            texts.insert(name.clone());
        }
        name
    }

    /// True once for each model.
    pub(crate) fn first_unpriced(&self, model: &Arc<str>) -> bool {
        let mut unpriced = self.0.unpriced.lock().unwrap_or_else(PoisonError::into_inner);
        unpriced.len() < MAX_TEXTS && unpriced.insert(model.clone())
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Engine {}

impl AsRef<Self> for Engine {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for WeakEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakEngine").finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("ledger", &self.0.ledger).finish_non_exhaustive()
    }
}
