use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use outlay_ledger::{BudgetExceeded, BudgetRule, BudgetStore, Dimensions, LoadPolicyError, Policy, RunawayRule};
use outlay_otel::{
    AttemptSpans, Downgrade, Engine, Meters, Notice, OnAlert, OnRefusal, OutcomeKey, OutsideTasks, ResolveModel,
    Semconv, Settings, SpanSource, Viewer, push_attribute_keys,
};
use outlay_price::{LoadPricesError, Prices};

use crate::Outlay;
use crate::environment::{self, InvalidVariableError};
use crate::watch_policy_file;
use crate::watch_price_file::PriceFile;

/// A builder for an [`Outlay`]. Every setting has a default: prices are bundled, and spans and metrics go to the global
/// providers.
///
/// The environment is read when the `Outlay` is built. Settings in code override it.
///
/// | variable | |
/// |---|---|
/// | `OUTLAY_DISABLED` | `true` makes metering a pass-through |
/// | `OUTLAY_PRICES` | a price file that overrides the bundled table; it is read again when it changes |
/// | `OUTLAY_POLICY` | a policy file, see [`Policy::from_toml`] |
/// | `OUTLAY_TEAM`, `OUTLAY_PRODUCT`, `OUTLAY_COST_CENTER`, `OUTLAY_OWNER`, `OUTLAY_ENVIRONMENT`, `OUTLAY_CUSTOMER_SEGMENT`, `OUTLAY_WORKFLOW` | the default dimensions of all tasks |
/// | `OUTLAY_DIMENSIONS` | default dimensions of your own: `tenant=acme,region=north` |
/// | `OTEL_RESOURCE_ATTRIBUTES` | `deployment.environment.name` is the environment and `service.namespace` the team, unless a variable above sets them |
#[derive(Debug)]
#[must_use]
pub struct OutlayBuilder {
    settings: Settings,
    dimensions: Dimensions,
    has_prices: bool,
    price_file: Option<PriceFile>,
    /// The file that `OUTLAY_POLICY` names.
    policy_file: Option<PathBuf>,
    policy: Option<Policy>,
}

/// An invalid setting, in the environment or on the builder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A variable has an invalid value.
    #[error(transparent)]
    Variable(InvalidVariableError),
    /// The file that `OUTLAY_PRICES` names cannot be used.
    #[error("OUTLAY_PRICES names a price file that cannot be used")]
    Prices(#[source] LoadPricesError),
    /// The file that `OUTLAY_POLICY` names cannot be used.
    #[error("OUTLAY_POLICY names a policy file that cannot be used")]
    Policy(#[source] LoadPolicyError),
    /// [`OutlayBuilder::cost_attributes`] is combined with a viewer that reads these attributes in another way.
    #[error(
        "cost_attributes cannot be combined with the viewer {0:?}, which would read gen_ai.usage.cost.amount as a count of \
         tokens: remove one of them"
    )]
    CostAttributes(Viewer),
}

impl OutlayBuilder {
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

    /// Sets the price table. [`Prices::from_path`] adds a file of your own to the bundled table, and overrides it. Defaults
    /// to the file that `OUTLAY_PRICES` names, else to the bundled table.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.settings.prices = Some(prices);
        self.has_prices = true;
        self
    }

    /// Sets a default dimension for all tasks: a known one by its name (`team`, `environment`, ...), or one of your own.
    /// Defaults to the environment's.
    pub fn dimension(mut self, key: &str, value: &str) -> Self {
        self.dimensions.set_named(key, value);
        self
    }

    /// Adds a dimension of your own to metrics. Each value is a separate series, so use one with few values. Defaults to
    /// none.
    pub fn metric_dimension(mut self, key: &str) -> Self {
        if self.settings.metric_dimensions.iter().all(|known| **known != *key) {
            self.settings.metric_dimensions.push(key.into());
        }
        self
    }

    /// Adds a budget for all tasks of a kind, such as one for each team per day, for the sandbox per month, for each
    /// conversation, or for each call. Defaults to none.
    ///
    /// ```
    /// use outlay::budget::{BudgetRule, Period};
    /// use outlay::{Budget, Outlay, Usd};
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

    /// Sets the store of the budgets of rules and of the policy, so that all processes of a fleet share them. The crate
    /// `outlay-redis` has one. Each call with such a budget asks the store once, before anything is sent. Defaults to
    /// budgets of this process alone.
    ///
    /// Budgets of tasks, agents and steps, and rules that limit each call separately, stay in the process. Calls wait for
    /// the store only if the client as a whole is metered. If the interceptor was set by hand, or the credentials or the
    /// identity cache are overridden for the one operation, the call does not wait, and follows the store's rule for when
    /// it is down.
    ///
    /// A refusal by the store reaches the caller as `SdkError::DispatchFailure`, before anything is sent.
    /// [`OutlayBuilder::on_refusal`] downgrades a call only if the store has refused within the last second.
    pub fn budget_store(mut self, store: impl BudgetStore + 'static) -> Self {
        self.settings.ledger = self.settings.ledger.budget_store(store);
        self
    }

    /// Sets the policy: limits, stops, and rules on which tasks may do what. A policy that was read from a file is read
    /// again when the file changes. An invalid version is logged, and the previous policy stays in force. Defaults to
    /// the file that `OUTLAY_POLICY` names.
    ///
    /// ```
    /// use outlay::policy::Policy;
    /// use outlay::Outlay;
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
    /// # Ok::<(), outlay::policy::LoadPolicyError>(())
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets the signs of a runaway task. A task that shows one raises an alert, and is stopped if the rule is enforced.
    /// Defaults to none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use outlay::policy::RunawayRule;
    /// use outlay::{Outlay, Usd};
    ///
    /// let rule = RunawayRule::new().same_call(5).spend_rate(Usd::from_dollars(2), Duration::from_secs(60));
    /// let outlay = Outlay::builder().runaway(rule.enforce()).build();
    /// ```
    pub fn runaway(mut self, rule: RunawayRule) -> Self {
        self.settings.ledger = self.settings.ledger.runaway(rule);
        self
    }

    /// Sets the function that receives alerts: soft limits that are reached, calls that a budget refused or would have
    /// refused, policy violations, stops and runaways. It is called on the path of the call, and should return soon.
    /// Defaults to none. Alerts are also
    /// logged: the first of each as a warning, and repetitions at the debug level.
    pub fn on_alert(mut self, receive: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.settings.on_alert = OnAlert::new(receive);
        self
    }

    /// Sets the function that downgrades a call that a budget refuses: to another model or a shorter answer. `None` refuses
    /// the call. The function is called before anything is sent, and again if the budget also refuses the downgraded call: at
    /// most three times in all.
    ///
    /// It applies to Converse and ConverseStream. The body of InvokeModel has the vendor's own format, and is not
    /// changed. The call's span has the original model as `outlay.call.degraded_from`. A budget that a fleet shares is
    /// asked only after this decision: here it counts as full for a second after each refusal. Defaults to refusing.
    ///
    /// ```
    /// use outlay::budget::Downgrade;
    /// use outlay::Outlay;
    ///
    /// let outlay = Outlay::builder()
    ///     .on_refusal(|refused| {
    ///         let cheaper = Downgrade::to_model("us.amazon.nova-lite-v1:0").with_max_tokens(500);
    ///         refused.model().contains("anthropic").then_some(cheaper)
    ///     })
    ///     .build();
    /// ```
    pub fn on_refusal(mut self, decide: impl Fn(&BudgetExceeded) -> Option<Downgrade> + Send + Sync + 'static) -> Self {
        self.settings.on_refusal = OnRefusal::new(decide);
        self
    }

    /// Adds keys that go into Bedrock's model invocation log with each call, in this order: a dimension by its name, or
    /// `task.id`, `task.name`, `agent.id`, `agent.name`, `step.id`, `step.kind`, `step.name`.
    ///
    /// They are sent as `requestMetadata` of Converse and as the signed header `X-Amzn-Bedrock-Request-Metadata` of
    /// InvokeModel, under the names of the span attributes. AWS accepts 16 entries of 256 characters. The application's own
    /// entries stay, ours follow while there is room, and a character that AWS does not accept becomes `_`. The metadata
    /// reaches the log, never the bill. Defaults to none.
    ///
    /// ```
    /// let outlay = outlay::Outlay::builder().request_metadata(["team", "workflow", "task.id", "tenant"]).build();
    /// ```
    pub fn request_metadata<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        push_attribute_keys(&mut self.settings.request_metadata, keys);
        self
    }

    /// Adds dimensions that are sent to other processes with remote work, in the request's baggage, in addition to the
    /// names and ids of task, agent and step. Every receiver of such a request can read them. Defaults to none.
    ///
    /// ```
    /// let outlay = outlay::Outlay::builder().propagate(["team", "cost_center", "tenant"]).build();
    /// ```
    pub fn propagate<K: AsRef<str>>(mut self, dimensions: impl IntoIterator<Item = K>) -> Self {
        push_attribute_keys(&mut self.settings.propagated, dimensions);
        self
    }

    /// Sets the provider that spans go to. Defaults to the global provider, looked up at first use.
    pub fn tracer_provider<P, S>(mut self, provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Tracer<Span = S> + Send + Sync + 'static,
        S: Span + Send + Sync + 'static,
    {
        self.settings.spans = SpanSource::of_provider(provider);
        self
    }

    /// Sets the provider that metrics go to. Defaults to the global provider, looked up at first use.
    ///
    /// The metrics of several Outlays on the global provider are added up. Otherwise, give each Outlay its own provider,
    /// because the SDK cannot compare providers. If two Outlays are given the same one, or one is given the provider that
    /// the other uses as the global one, only the later Outlay's counts are exported if attributes are equal.
    pub fn meter_provider(mut self, provider: &dyn MeterProvider) -> Self {
        self.settings.meters = Some(Meters::of_provider(provider));
        self
    }

    /// Sets which HTTP attempts get a span. Defaults to those of calls that had several attempts or failed.
    pub fn attempt_spans(mut self, attempt_spans: AttemptSpans) -> Self {
        self.settings.attempt_spans = attempt_spans;
        self
    }

    /// Sets the release of the GenAI conventions that names attributes and metrics. Defaults to 1.41.
    pub fn semconv(mut self, semconv: Semconv) -> Self {
        self.settings.semconv = semconv;
        self
    }

    /// Adds the cost attributes that were proposed for the conventions: `gen_ai.usage.cost.amount`, `.currency` and
    /// `.source`. No release has them. They are on the spans of chats and other generations. They cannot be combined with
    /// [`Viewer::Langfuse`], which reads them in another way. Defaults to none.
    pub fn cost_attributes(mut self) -> Self {
        self.settings.cost_attributes = true;
        self
    }

    /// Adds the attributes from which a viewer shows costs, tokens and kinds of spans. Defaults to none.
    pub fn viewer(mut self, viewer: Viewer) -> Self {
        if !self.settings.viewers.contains(&viewer) {
            self.settings.viewers.push(viewer);
        }
        self
    }

    /// Sets the resolver that finds the model of an application inference profile or a provisioned model: with the feature
    /// `control-plane`, an [`outlay::bedrock::ControlPlane`](crate::bedrock). Defaults to none: models that your price file
    /// does not map are unpriced.
    pub fn model_resolver(mut self, resolver: impl ResolveModel + 'static) -> Self {
        self.settings.resolver = Some(Arc::new(resolver));
        self
    }

    /// Sets the source that finds the signer of each call, for spans, metrics and rules with `production_principals`.
    /// Defaults to none.
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

    /// Sets what happens when the application drops a stream before its end. Defaults to counting the bound.
    #[cfg(feature = "bedrock")]
    pub fn on_dropped_stream(mut self, dropped_stream: crate::bedrock::DroppedStream) -> Self {
        self.settings.dropped_stream = dropped_stream;
        self
    }

    /// Sets what happens to model calls outside any task, which no task's budget limits. Defaults to making them, with one
    /// warning for each place in the application.
    ///
    /// ```
    /// use outlay::policy::OutsideTasks;
    /// use outlay::Outlay;
    ///
    /// // Every call must belong to a task.
    /// let outlay = Outlay::builder().outside_tasks(OutsideTasks::Refuse).build();
    /// ```
    pub fn outside_tasks(mut self, outside_tasks: OutsideTasks) -> Self {
        self.settings.outside_tasks = outside_tasks;
        self
    }

    /// Sets the key that signs [outcome tokens](crate::outcome). Unsigned tokens are then refused. Defaults to none: tokens
    /// are unsigned.
    pub fn outcome_key(mut self, key: OutcomeKey) -> Self {
        self.settings.outcome_tokens.key = Some(key);
        self
    }

    /// Sets how long [outcome tokens](crate::outcome) are valid. Defaults to 30 days.
    pub const fn outcome_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.outcome_tokens.lifetime = Some(lifetime);
        self
    }

    /// Sets how long a finished task, agent or step waits for what is still open in it. Defaults to 60 seconds.
    pub fn late_limit(mut self, limit: Duration) -> Self {
        self.settings.ledger = self.settings.ledger.late_limit(limit);
        self
    }

    /// Sets the maximum number of calls, charges and scopes that a task's report keeps. Totals count all. Defaults to
    /// 1,000.
    pub fn report_records(mut self, records: u32) -> Self {
        self.settings.ledger = self.settings.ledger.report_records(records);
        self
    }

    /// Makes metering a pass-through, as `OUTLAY_DISABLED=true` does: clients stay as they are, and nothing is sent
    /// to other processes. Defaults to metering.
    pub const fn disabled(mut self) -> Self {
        self.settings.disabled = true;
        self
    }

    /// Sets the clock. Defaults to the system's clock.
    pub fn clock(mut self, clock: impl outlay_ledger::Clock + 'static) -> Self {
        self.settings.ledger = self.settings.ledger.clock(clock);
        self
    }

    /// Sets the source of ids. Defaults to UUIDs of version 7.
    pub fn ids(mut self, ids: impl outlay_ledger::IdSource + 'static) -> Self {
        self.settings.ledger = self.settings.ledger.ids(ids);
        self
    }

    /// Builds the `Outlay`. An invalid setting is ignored with a warning, and listed in [`Outlay::ignored_settings`].
    pub fn build(mut self) -> Outlay {
        let (environment, ignored) = self.read_environment();
        for error in &ignored {
            tracing::warn!(target: "outlay", "ignored: {}", with_sources(error));
        }
        self.finish(&environment, ignored)
    }

    /// Builds the `Outlay`, or fails on an invalid setting.
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] that says which setting is invalid, and why.
    pub fn try_build(mut self) -> Result<Outlay, BuildError> {
        let (environment, errors) = self.read_environment();
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(self.finish(&environment, Vec::new())),
        }
    }

    /// Adds the environment's settings, and leaves out invalid ones. Returns the environment's dimensions, and an error for
    /// each setting that was left out.
    fn read_environment(&mut self) -> (Dimensions, Vec<BuildError>) {
        let mut errors = Vec::new();
        match environment::disabled() {
            Ok(disabled) => self.settings.disabled |= disabled,
            Err(error) => errors.push(BuildError::Variable(error)),
        }
        self.read_price_file().unwrap_or_else(|error| errors.push(BuildError::Prices(error)));
        self.read_policy_file().unwrap_or_else(|error| errors.push(BuildError::Policy(error)));
        if let Some(viewer) = self.conflicting_viewer() {
            errors.push(BuildError::CostAttributes(viewer));
            self.settings.cost_attributes = false;
        }
        let environment = environment::dimensions(|error| errors.push(BuildError::Variable(error)));
        (environment, errors)
    }

    fn conflicting_viewer(&self) -> Option<Viewer> {
        let conflicting = |viewer: &Viewer| self.settings.cost_attributes && viewer.conflicts_with_cost_attributes();
        self.settings.viewers.iter().copied().find(conflicting)
    }

    fn finish(self, environment: &Dimensions, ignored: Vec<BuildError>) -> Outlay {
        let policy = self.policy.unwrap_or_default();
        let mut settings = self.settings;
        settings.ledger = settings.ledger.dimensions(self.dimensions.or(environment));
        settings.policy = policy.clone();
        let engine = Engine::new(settings);
        if let Some(file) = &self.price_file {
            file.watch(&engine);
        }
        watch_policy_file::warn_of_due_reviews(&policy, engine.now());
        watch_policy_file::warn_of_missing_principals(&policy, &engine);
        let path = policy.path().or(self.policy_file.as_deref());
        Outlay::new(engine, ignored, &policy, path)
    }

    /// Reads the file that `OUTLAY_POLICY` names, unless a policy was set.
    fn read_policy_file(&mut self) -> Result<(), LoadPolicyError> {
        if self.policy.is_none()
            && let Some(path) = environment::policy_file()
        {
            let policy = Policy::from_path(&path);
            self.policy_file = Some(path);
            self.policy = Some(policy?);
        }
        Ok(())
    }

    /// Reads the file that `OUTLAY_PRICES` names, unless prices were set.
    fn read_price_file(&mut self) -> Result<(), LoadPricesError> {
        if !self.has_prices
            && let Some(path) = environment::price_file()
        {
            let (file, prices) = PriceFile::read(path);
            self.price_file = Some(file);
            self.settings.prices = Some(prices?);
        }
        Ok(())
    }
}

/// Returns the message of an error and of its sources.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
