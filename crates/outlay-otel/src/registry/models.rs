//! The price table, and what opaque model ids stand for. They are resolved in the background, never on the path of a call.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use hashbrown::HashMap;
use outlay_ledger::Ledger;
use outlay_price::{ModelRef, ParseModelError, Prices};

use crate::callback::guarded;

/// As many ids are asked for; beyond it they stay unpriced.
const MAX_MODELS: usize = 1_000;
/// What could not be found out is asked for again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// Finds out what an opaque id stands for: an application inference profile, or provisioned capacity.
///
/// It is asked once for an id whose calls have no price. Calls that are settled before it has answered stay unpriced.
pub trait ResolveModel: fmt::Debug + Send + Sync {
    /// Begins to find out what `model` stands for, and returns at once: a call waits for it to return.
    fn resolve(&self, model: ModelRef<'_>, answer: ModelAnswer);
}

/// Where to say what a model stands for. Dropped without a word, the model is asked for again later.
#[derive(Debug)]
pub struct ModelAnswer {
    models: Arc<Models>,
    model: Arc<str>,
    told: bool,
}

/// What a resolver has told of a name.
#[derive(Debug)]
pub(crate) struct Learned {
    from: Arc<str>,
    to: Box<str>,
    is_provisioned: bool,
}

impl Learned {
    /// The prices, with what has been told.
    pub(crate) fn over(&self, prices: &Prices) -> Result<Prices, ParseModelError> {
        let Self { from, to, is_provisioned } = self;
        if *is_provisioned { prices.with_provisioned(from, to) } else { prices.with_alias(from, to) }
    }
}

/// The price table, and the ids that were resolved.
#[derive(Debug)]
pub(crate) struct Models {
    table: RwLock<PriceTable>,
    resolver: Option<Arc<dyn ResolveModel>>,
    asked: Mutex<HashMap<Arc<str>, Asked>>,
    /// For its clock.
    ledger: Ledger,
}

#[derive(Debug)]
struct PriceTable {
    in_force: Prices,
    aliases: Vec<Learned>,
}

#[derive(Debug)]
enum Asked {
    /// Asked and not answered, or answered for good.
    Once,
    /// It could not be found out.
    AgainAt(SystemTime),
}

impl Models {
    pub(crate) fn new(prices: Prices, resolver: Option<Arc<dyn ResolveModel>>, ledger: Ledger) -> Self {
        let table = RwLock::new(PriceTable { in_force: prices, aliases: Vec::new() });
        Self { table, resolver, asked: Mutex::default(), ledger }
    }

    /// Returns the price table in force.
    pub(crate) fn prices(&self) -> Prices {
        self.table.read().unwrap_or_else(PoisonError::into_inner).in_force.clone()
    }

    /// Replaces the price table. What was resolved stays known.
    pub(crate) fn set_prices(&self, prices: Prices) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // Each alias was accepted once.
        table.in_force = table.aliases.iter().fold(prices, |prices, learned| learned.over(&prices).unwrap_or(prices));
    }

    fn learn(&self, learned: Learned) -> Result<(), ParseModelError> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.in_force = learned.over(&table.in_force)?;
        table.aliases.push(learned);
        Ok(())
    }

    /// Asks the resolver what an opaque id stands for, if there is a resolver.
    pub(crate) fn resolve_in_background(self: &Arc<Self>, model: &Arc<str>) {
        let Some(resolver) = &self.resolver else { return };
        let Ok(parsed) = ModelRef::parse(model) else { return };
        if parsed.base_id().is_none() && self.ask(model, self.ledger.now()) {
            let answer = ModelAnswer { models: self.clone(), model: model.clone(), told: false };
            // An answer that is dropped counts as no answer: the resolver is asked again later.
            let _ = guarded("the resolver", || resolver.resolve(parsed, answer));
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<Arc<str>, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to ask for the model. Then it is taken for asked.
    fn ask(&self, model: &Arc<str>, now: SystemTime) -> bool {
        let mut asked = self.asked();
        let room = asked.len() < MAX_MODELS;
        match asked.get_mut(model) {
            Some(Asked::Once) => false,
            Some(Asked::AgainAt(at)) if now < *at => false,
            Some(again) => {
                *again = Asked::Once;
                true
            }
            None if room => {
                asked.insert(model.clone(), Asked::Once);
                true
            }
            None => false,
        }
    }
}

impl ModelAnswer {
    /// It stands for this model, by an id or an ARN that names one. Calls that settle from now on are priced so.
    pub fn stands_for(self, model: &str) {
        self.learn(model, false);
    }

    /// It is provisioned throughput of this model, by an id or an ARN that names one. Calls that settle from now on cost
    /// nothing, for the capacity is billed by the hour.
    pub fn is_provisioned(self, model: &str) {
        self.learn(model, true);
    }

    fn learn(mut self, model: &str, is_provisioned: bool) {
        self.told = true;
        let learned = Learned { from: self.model.clone(), to: model.into(), is_provisioned };
        if self.models.learn(learned).is_err() {
            self.again(&format!("`{model}` names no model"));
        }
    }

    /// Nobody can say: it is not asked for again.
    pub fn never(mut self) {
        self.told = true;
    }

    /// It could not be found out, for this reason. It is asked for again after five minutes, if it is called then.
    pub fn unknown(mut self, reason: &str) {
        self.told = true;
        self.again(reason);
    }

    fn again(&self, reason: &str) {
        let at = self.models.ledger.now() + RETRY_AFTER;
        self.models.asked().insert(self.model.clone(), Asked::AgainAt(at));
        tracing::warn!(
            target: "outlay",
            model = &*self.model,
            reason,
            "what this model stands for could not be found out: its calls stay unpriced; map it in a price file"
        );
    }
}

impl Drop for ModelAnswer {
    fn drop(&mut self) {
        if !self.told {
            self.again("nobody answered");
        }
    }
}
