//! The price table, and the models that opaque ids refer to. Ids are resolved in the background, and no call waits.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use hashbrown::HashMap;
use outlay_ledger::Ledger;
use outlay_price::{ModelRef, ParseModelError, Prices};

use crate::callback::guarded;

/// The maximum number of ids that are resolved. Other ids stay unpriced.
const MAX_MODELS: usize = 1_000;
/// How long to wait until an id that could not be resolved is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// Resolves opaque ids to models: ids of application inference profiles or provisioned capacity.
///
/// It is asked once for each id that does not name its model. Calls that settle before the answer stay unpriced.
pub trait ResolveModel: fmt::Debug + Send + Sync {
    /// Starts to resolve `model`. It must return at once, because a call waits for it.
    fn resolve(&self, model: ModelRef<'_>, answer: ModelAnswer);
}

/// The receiver of a resolver's answer. If it is dropped without an answer, the model is tried again later.
#[derive(Debug)]
pub struct ModelAnswer {
    models: Arc<Models>,
    model: Arc<str>,
    answered: bool,
}

/// The model that a resolver has found for an id.
#[derive(Debug)]
pub(crate) struct Resolved {
    from: Arc<str>,
    to: Box<str>,
    is_provisioned: bool,
}

impl Resolved {
    /// Returns the prices with this model added.
    pub(crate) fn apply_to(&self, prices: &Prices) -> Result<Prices, ParseModelError> {
        let Self { from, to, is_provisioned } = self;
        if *is_provisioned { prices.with_provisioned(from, to) } else { prices.with_alias(from, to) }
    }
}

/// The price table and the resolved ids.
#[derive(Debug)]
pub(crate) struct Models {
    table: RwLock<PriceTable>,
    resolver: Option<Arc<dyn ResolveModel>>,
    requests: Mutex<HashMap<Arc<str>, Request>>,
    /// Provides the clock.
    ledger: Ledger,
}

#[derive(Debug)]
struct PriceTable {
    in_force: Prices,
    aliases: Vec<Resolved>,
}

#[derive(Debug)]
enum Request {
    /// Sent and not answered yet, or answered for good.
    Sent,
    /// Could not be resolved: try again at this time.
    RetryAt(SystemTime),
}

impl Models {
    pub(crate) fn new(prices: Prices, resolver: Option<Arc<dyn ResolveModel>>, ledger: Ledger) -> Self {
        let table = RwLock::new(PriceTable { in_force: prices, aliases: Vec::new() });
        Self { table, resolver, requests: Mutex::default(), ledger }
    }

    /// Returns the price table in force.
    pub(crate) fn prices(&self) -> Prices {
        self.table.read().unwrap_or_else(PoisonError::into_inner).in_force.clone()
    }

    /// Returns the age of the newest price of the table in force, if it has a date.
    pub(crate) fn price_age(&self) -> Option<Duration> {
        let now = self.ledger.now();
        let newest = self.prices().newest_day(now.try_into().ok()?)?;
        now.duration_since(newest.into()).ok()
    }

    /// Replaces the price table. Resolved ids stay resolved.
    pub(crate) fn set_prices(&self, prices: Prices) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // Each alias was valid when it was added.
        table.in_force =
            table.aliases.iter().fold(prices, |prices, resolved| resolved.apply_to(&prices).unwrap_or(prices));
    }

    fn add(&self, resolved: Resolved) -> Result<(), ParseModelError> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.in_force = resolved.apply_to(&table.in_force)?;
        table.aliases.push(resolved);
        Ok(())
    }

    /// Asks the resolver, if there is one, for the model of an opaque id.
    pub(crate) fn resolve_in_background(self: &Arc<Self>, model: &Arc<str>) {
        let Some(resolver) = &self.resolver else { return };
        let Ok(parsed) = ModelRef::parse(model) else { return };
        if parsed.base_id().is_none() && self.start_request(model, self.ledger.now()) {
            let answer = ModelAnswer { models: self.clone(), model: model.clone(), answered: false };
            // If the resolver panics, the answer is dropped, and the model is tried again later.
            let _ = guarded("the model resolver", || resolver.resolve(parsed, answer));
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<Arc<str>, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether it is time to resolve the model. If so, the request counts as sent.
    fn start_request(&self, model: &Arc<str>, now: SystemTime) -> bool {
        let mut requests = self.requests();
        let has_room = requests.len() < MAX_MODELS;
        match requests.get_mut(model) {
            Some(Request::Sent) => false,
            Some(Request::RetryAt(at)) if now < *at => false,
            Some(request) => {
                *request = Request::Sent;
                true
            }
            None if has_room => {
                requests.insert(model.clone(), Request::Sent);
                true
            }
            None => false,
        }
    }
}

impl ModelAnswer {
    /// Answers that the id refers to this model, given as an id or an ARN that names one. Calls that settle from now
    /// on have its price.
    pub fn stands_for(self, model: &str) {
        self.answer(model, false);
    }

    /// Answers that the id is provisioned throughput of this model, given as an id or an ARN that names one. Calls that
    /// settle from now on cost nothing, because the capacity is billed by the hour.
    pub fn is_provisioned(self, model: &str) {
        self.answer(model, true);
    }

    fn answer(mut self, model: &str, is_provisioned: bool) {
        self.answered = true;
        let resolved = Resolved { from: self.model.clone(), to: model.into(), is_provisioned };
        if self.models.add(resolved).is_err() {
            self.retry_later(&format!("`{model}` names no model"));
        }
    }

    /// Answers that the id cannot be resolved. It is not tried again.
    pub fn never(mut self) {
        self.answered = true;
    }

    /// Answers that the id could not be resolved, for this reason. It is tried again at the first call after five minutes.
    pub fn unknown(mut self, reason: &str) {
        self.answered = true;
        self.retry_later(reason);
    }

    fn retry_later(&self, reason: &str) {
        let at = self.models.ledger.now() + RETRY_AFTER;
        self.models.requests().insert(self.model.clone(), Request::RetryAt(at));
        tracing::warn!(
            target: "outlay",
            model = &*self.model,
            reason,
            "this model id could not be resolved: its calls stay unpriced; map it to a model in a price file"
        );
    }
}

impl Drop for ModelAnswer {
    fn drop(&mut self) {
        if !self.answered {
            self.retry_later("the resolver gave no answer");
        }
    }
}
