use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use outlay_ledger::{BudgetExceeded, BudgetRule, BudgetStore, Dimensions, LoadPolicyError, Policy, RunawayRule};
use outlay_otel::{
    AttemptSpans, Degrade, DroppedStream, Engine, Notice, OnAlert, OnRefusal, OutsideTasks, ResolveModel, Semconv,
    Settings, SpanSource, Viewer, meter_of, push_attribute_keys,
};
use outlay_price::{LoadPricesError, Prices};

use crate::Outlay;
use crate::environment::{self, BadVariable};
use crate::watch_policy_file;
use crate::watch_price_file::PriceFile;

/// Sets up an [`Outlay`]. Nothing has to be set: prices are bundled, and spans and metrics go to the global providers.
///
/// The environment is read when it is built. What the code sets comes before it.
///
/// | variable | |
/// |---|---|
/// | `OUTLAY_DISABLED` | `true` makes metering a pass-through |
/// | `OUTLAY_PRICES` | a price file, laid over the bundled table; it is read again when it changes |
/// | `OUTLAY_POLICY` | a policy file, see [`Policy::from_toml`] |
/// | `OUTLAY_TEAM`, `OUTLAY_PRODUCT`, `OUTLAY_COST_CENTER`, `OUTLAY_OWNER`, `OUTLAY_ENVIRONMENT`, `OUTLAY_CUSTOMER_SEGMENT`, `OUTLAY_WORKFLOW` | whose every task is that does not say otherwise |
/// | `OUTLAY_DIMENSIONS` | likewise of your own: `tenant=acme,region=north` |
/// | `OTEL_RESOURCE_ATTRIBUTES` | `deployment.environment.name` is the environment, `service.namespace` the team, where nothing above says so |
#[derive(Debug)]
#[must_use]
pub struct Builder {
    settings: Settings,
    dimensions: Dimensions,
    has_prices: bool,
    price_file: Option<PriceFile>,
    /// The file that the environment names.
    policy_file: Option<PathBuf>,
    policy: Option<Policy>,
}

/// A setting that the environment gives is bad.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A variable's value is none that it can have.
    #[error(transparent)]
    Variable(BadVariable),
    /// The file that `OUTLAY_PRICES` names cannot be used.
    #[error("OUTLAY_PRICES names a price file that cannot be used")]
    Prices(#[source] LoadPricesError),
    /// The file that `OUTLAY_POLICY` names cannot be used.
    #[error("OUTLAY_POLICY names a policy file that cannot be used")]
    Policy(#[source] LoadPolicyError),
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
            dimensions: Dimensions::default(),
            has_prices: false,
            price_file: None,
            policy_file: None,
            policy: None,
        }
    }

    /// The price table: [`Prices::from_path`] lays a file of your own over the bundled one. Defaults to the bundled one.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.settings.prices = Some(prices);
        self.has_prices = true;
        self
    }

    /// Whose every task is that does not say otherwise: a known dimension by its name (`team`, `environment`, ...), or one
    /// of your own. Defaults to what the environment says.
    pub fn dimension(mut self, key: &str, value: &str) -> Self {
        self.dimensions.set_named(key, value);
        self
    }

    /// Puts a dimension of your own on metrics. Each of its values is a series of its own: let there be few. Defaults to
    /// none.
    pub fn metric_dimension(mut self, key: &str) -> Self {
        if self.settings.metric_dimensions.iter().all(|known| **known != *key) {
            self.settings.metric_dimensions.push(key.into());
        }
        self
    }

    /// Adds a budget that holds all tasks of a kind: of each team a day, of the sandbox a month, of each conversation, or
    /// of each call. Defaults to none.
    ///
    /// ```
    /// use outlay::{Budget, BudgetRule, Outlay, Period, Usd};
    ///
    /// let sandbox = BudgetRule::new("sandbox", Budget::new(Usd::from_dollars(100)).soft(80));
    /// let talk = BudgetRule::new("conversation", Usd::from_dollars(2));
    /// let outlay = Outlay::builder()
    ///     .budget_rule(sandbox.only("environment", "sandbox").every(Period::Month))
    ///     .budget_rule(talk.per("conversation"))
    ///     .budget_rule(BudgetRule::each_call("call", Usd::from_cents(50)))
    ///     .build();
    /// ```
    pub fn budget_rule(mut self, rule: BudgetRule) -> Self {
        self.settings.ledger = self.settings.ledger.budget_rule(rule);
        self
    }

    /// What holds the budgets of rules and of the policy, so that all processes of a fleet spend of the same ones: the crate
    /// `outlay-redis` has one. Each call that such a budget holds asks it once, before anything is sent. Defaults to this
    /// process by itself.
    ///
    /// Budgets of tasks, agents and steps, and rules that hold each call by itself, stay in the process. A call is held to
    /// it where the client as a whole is metered; what is made of one on which the interceptor was set by hand, or whose
    /// credentials or identity cache are overridden for the one operation, does not wait for the store and goes by the
    /// store's rule for when it is down. Its refusal reaches the caller as `SdkError::DispatchFailure`, before anything is
    /// sent, and [`Builder::on_refusal`] degrades a call only where the store has said within the last second that there is
    /// no room.
    pub fn budget_store(mut self, store: impl BudgetStore + 'static) -> Self {
        self.settings.ledger = self.settings.ledger.budget_store(store);
        self
    }

    /// Limits, stops, and what is allowed to whom. One that was read from a file is read again when that changes; a
    /// version that is no policy is told, and the one before stays in force. Defaults to what `OUTLAY_POLICY` names.
    ///
    /// ```
    /// use outlay::{Outlay, Policy};
    ///
    /// let policy = Policy::from_toml(
    ///     r#"
    ///     [[rule]]
    ///     name = "production"
    ///     only = { environment = "production" }
    ///     require = ["team"]
    ///     mode = "enforce"
    ///     "#,
    /// )?;
    /// let outlay = Outlay::builder().policy(policy).build();
    /// # Ok::<(), outlay::LoadPolicyError>(())
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// When a task looks like one that does not end by itself: it is told as an alert, and where the rule is enforced the
    /// task is stopped. Defaults to never.
    ///
    /// ```
    /// use std::time::Duration;
    /// use outlay::{Outlay, RunawayRule, Usd};
    ///
    /// let rule = RunawayRule::new().same_call(5).spend_rate(Usd::from_dollars(2), Duration::from_secs(60));
    /// let outlay = Outlay::builder().runaway(rule.enforce()).build();
    /// ```
    pub fn runaway(mut self, rule: RunawayRule) -> Self {
        self.settings.ledger = self.settings.ledger.runaway(rule);
        self
    }

    /// Told of soft limits that are reached, of calls that a budget refused or would have, of stops and of runaways. It is
    /// called on the path of the call, and should return soon. Defaults to nobody; each is logged as a warning in any case.
    pub fn on_alert(mut self, tell: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.settings.on_alert = OnAlert::new(tell);
        self
    }

    /// What becomes of a call that a budget refuses: another model, a shorter answer, or `None`, which refuses it. It is
    /// asked before anything is sent, and again, up to three times, where the budget refuses what it said.
    ///
    /// It holds Converse and ConverseStream; a body of InvokeModel is in the words of its vendor, and stays as it is. The
    /// call's span has the model that was asked for first as `outlay.call.degraded_from`. A budget that a
    /// fleet shares is asked only when the call is on its way: here it counts as full for a second after it has refused.
    /// Defaults to refusing.
    ///
    /// ```
    /// use outlay::{Degrade, Outlay};
    ///
    /// let outlay = Outlay::builder()
    ///     .on_refusal(|refused| {
    ///         let cheaper = Degrade::to_model("us.amazon.nova-lite-v1:0").with_max_tokens(500);
    ///         refused.model().contains("anthropic").then_some(cheaper)
    ///     })
    ///     .build();
    /// ```
    pub fn on_refusal(mut self, decide: impl Fn(&BudgetExceeded) -> Option<Degrade> + Send + Sync + 'static) -> Self {
        self.settings.on_refusal = OnRefusal::new(decide);
        self
    }

    /// What goes into Bedrock's model invocation log with each call, and in which order: a dimension by its name, or
    /// `task.id`, `task.name`, `agent.id`, `agent.name`, `step.id`, `step.kind`, `step.name`.
    ///
    /// It is sent as `requestMetadata` of Converse and as the signed header `X-Amzn-Bedrock-Request-Metadata` of
    /// InvokeModel, under the names of the span attributes. AWS takes 16 entries of 256 characters: what the application
    /// has set itself stays, ours follow while there is room, and a character that AWS does not take becomes `_`. It
    /// reaches the log, never the bill. Defaults to nothing.
    ///
    /// ```
    /// let outlay = outlay::Outlay::builder().request_metadata(["team", "workflow", "task.id", "tenant"]).build();
    /// ```
    pub fn request_metadata<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        push_attribute_keys(&mut self.settings.request_metadata, keys);
        self
    }

    /// Which dimensions go to the other processes that work is asked of, in the request's baggage, beside the names and
    /// ids of task, agent and step. Who gets a request decides who can read them. Defaults to none.
    ///
    /// ```
    /// let outlay = outlay::Outlay::builder().propagate(["team", "cost_center", "tenant"]).build();
    /// ```
    pub fn propagate<K: AsRef<str>>(mut self, dimensions: impl IntoIterator<Item = K>) -> Self {
        push_attribute_keys(&mut self.settings.propagated, dimensions);
        self
    }

    /// Where spans go. Defaults to the global provider, looked up at first use.
    pub fn tracer_provider<P, S>(mut self, provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Tracer<Span = S> + Send + Sync + 'static,
        S: Span + Send + Sync + 'static,
    {
        self.settings.spans = SpanSource::of_provider(provider);
        self
    }

    /// Where metrics go. Defaults to the global provider, looked up at first use.
    ///
    /// The metrics of several Outlays on the global provider are added up. Otherwise, give each Outlay its own provider: the
    /// SDK does not say whether two providers are the same. If two Outlays share a given one, or one is given what is the global
    /// one for the other, it exports only the later one's counts under equal attributes.
    pub fn meter_provider(mut self, provider: &dyn MeterProvider) -> Self {
        self.settings.meter = Some(meter_of(provider));
        self
    }

    /// Which HTTP attempts get a span. Defaults to those of calls that had more than one, or failed.
    pub fn attempt_spans(mut self, which: AttemptSpans) -> Self {
        self.settings.attempt_spans = which;
        self
    }

    /// Which release of the GenAI conventions names the attributes. Defaults to that of 1.41.
    pub fn semconv(mut self, semconv: Semconv) -> Self {
        self.settings.semconv = semconv;
        self
    }

    /// Adds the attributes by which a viewer shows cost. Defaults to none.
    pub fn viewer(mut self, viewer: Viewer) -> Self {
        if !self.settings.viewers.contains(&viewer) {
            self.settings.viewers.push(viewer);
        }
        self
    }

    /// Who is asked what an application inference profile or a provisioned model stands for: with the feature
    /// `control-plane`, an [`outlay::bedrock::ControlPlane`](crate::bedrock). Defaults to nobody: what your price file
    /// does not map is unpriced.
    pub fn model_resolver(mut self, resolver: impl ResolveModel + 'static) -> Self {
        self.settings.resolver = Some(Arc::new(resolver));
        self
    }

    /// Who finds out whose credentials calls are signed with, for spans and metrics, and for policies that ask for
    /// production's. Defaults to nobody.
    ///
    /// ```no_run
    /// use outlay::Outlay;
    /// use outlay::bedrock::Principals;
    ///
    /// # fn f(aws_config: &aws_types::SdkConfig) {
    /// let principals = Principals::new(aws_sdk_sts::Client::new(aws_config));
    /// let outlay = Outlay::builder().principals(principals).build();
    /// # }
    /// ```
    #[cfg(feature = "sts")]
    pub fn principals(mut self, principals: crate::bedrock::Principals) -> Self {
        self.settings.extension.get_or_insert_with(|| Arc::new(principals));
        self
    }

    /// What happens when the application drops a stream before its end. Defaults to counting the bound.
    pub fn on_dropped_stream(mut self, what: DroppedStream) -> Self {
        self.settings.dropped_stream = what;
        self
    }

    /// What happens to model calls outside any task, which no task's budget limits. Defaults to making them, with one warning
    /// for each place in the application.
    ///
    /// ```
    /// use outlay::{Outlay, OutsideTasks};
    ///
    /// // Every call has to say whose it is.
    /// let outlay = Outlay::builder().outside_tasks(OutsideTasks::Refuse).build();
    /// ```
    pub fn outside_tasks(mut self, what: OutsideTasks) -> Self {
        self.settings.outside_tasks = what;
        self
    }

    /// How long a finished task, agent or step waits for what is open in it. Defaults to 60 seconds.
    pub fn late_limit(mut self, limit: Duration) -> Self {
        self.settings.ledger = self.settings.ledger.late_limit(limit);
        self
    }

    /// How many calls, charges and scopes a task's report keeps; totals count all. Defaults to 1,000.
    pub fn report_records(mut self, records: u32) -> Self {
        self.settings.ledger = self.settings.ledger.report_records(records);
        self
    }

    /// Makes metering a pass-through, as `OUTLAY_DISABLED=true` does: clients stay as they are, and nothing goes to other
    /// processes. Defaults to metering.
    pub const fn disabled(mut self) -> Self {
        self.settings.disabled = true;
        self
    }

    /// Where the time comes from. Defaults to the system's clock.
    pub fn clock(mut self, clock: impl outlay_ledger::Clock + 'static) -> Self {
        self.settings.ledger = self.settings.ledger.clock(clock);
        self
    }

    /// Where ids come from. Defaults to UUIDs of version 7.
    pub fn ids(mut self, ids: impl outlay_ledger::IdSource + 'static) -> Self {
        self.settings.ledger = self.settings.ledger.ids(ids);
        self
    }

    /// The `Outlay`. A bad setting in the environment is ignored with a warning, and stands in
    /// [`Outlay::ignored_settings`].
    pub fn build(mut self) -> Outlay {
        let mut ignored = Vec::new();
        let mut ignore = |error: BuildError| {
            let text = with_causes(&error);
            tracing::warn!(target: "outlay", "ignored: {text}");
            ignored.push(text);
        };
        match environment::disabled() {
            Ok(disabled) => self.settings.disabled |= disabled,
            Err(bad) => ignore(BuildError::Variable(bad)),
        }
        match self.environment_prices() {
            Ok(Some(prices)) => self = self.prices(prices),
            Ok(None) => {}
            Err(error) => ignore(BuildError::Prices(error)),
        }
        match self.environment_policy() {
            Ok(policy) => self.policy = policy,
            Err(error) => ignore(BuildError::Policy(error)),
        }
        let environment = environment::dimensions(|bad| ignore(BuildError::Variable(bad)));
        self.finish(&environment, ignored)
    }

    /// The `Outlay`, or what is wrong with the environment.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says which variable is bad and how.
    pub fn try_build(mut self) -> Result<Outlay, BuildError> {
        self.settings.disabled |= environment::disabled().map_err(BuildError::Variable)?;
        if let Some(prices) = self.environment_prices().map_err(BuildError::Prices)? {
            self = self.prices(prices);
        }
        self.policy = self.environment_policy().map_err(BuildError::Policy)?;
        let mut bad = None;
        let environment = environment::dimensions(|variable| bad = bad.take().or(Some(variable)));
        match bad {
            Some(bad) => Err(BuildError::Variable(bad)),
            None => Ok(self.finish(&environment, Vec::new())),
        }
    }

    fn finish(self, environment: &Dimensions, ignored: Vec<String>) -> Outlay {
        let policy = self.policy.unwrap_or_default();
        let mut settings = self.settings;
        settings.ledger = settings.ledger.dimensions(self.dimensions.or(environment));
        settings.policy = policy.clone();
        let engine = Engine::new(settings);
        if let Some(file) = &self.price_file {
            file.watch(&engine);
        }
        watch_policy_file::tell_due(&policy, engine.now());
        watch_policy_file::tell_unasked(&policy, &engine);
        let path = policy.path().or(self.policy_file.as_deref());
        Outlay::new(engine, ignored, &policy, path)
    }

    fn environment_policy(&mut self) -> Result<Option<Policy>, LoadPolicyError> {
        match (self.policy.take(), environment::policy_file()) {
            (Some(policy), _) => Ok(Some(policy)),
            (None, Some(path)) => {
                let policy = Policy::from_path(&path);
                self.policy_file = Some(path);
                policy.map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    fn environment_prices(&mut self) -> Result<Option<Prices>, LoadPricesError> {
        match environment::price_file() {
            Some(path) if !self.has_prices => {
                let (file, prices) = PriceFile::read(path);
                self.price_file = Some(file);
                prices.map(Some)
            }
            _ => Ok(None),
        }
    }
}

pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
