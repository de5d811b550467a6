use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::{Charge, CostStatus, GuardrailUse, Latency, Tier, Units, Usage};

use crate::{CostKind, ModelTotals, Totals};

/// A settled model call.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// The operation by its semantic-convention name: `chat`, `embeddings`, ...
    pub operation: &'static str,
    /// The model as the application asked for it.
    pub model: Arc<str>,
    /// Its tokens, as far as they were counted.
    pub usage: Usage,
    /// The most tokens that it may have used besides, where its end was not seen or an attempt was never answered.
    pub bounded_tokens: u64,
    /// Images, seconds and queries; `None` where nobody counted them.
    pub units: Option<Units>,
    /// What its guardrail used.
    pub guardrail: GuardrailUse,
    /// How sure what it used is; `None` where that is not known, or not all of it.
    pub counted: Option<CostStatus>,
    /// What decides its price, beside what it used.
    pub priced_as: PricedAs,
    /// Its cost.
    pub charge: Charge,
    /// Its HTTP attempts.
    pub attempts: Vec<AttemptRecord>,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// Whether the caller got an error.
    pub failed: bool,
    /// Whether it was refused before anything was sent: it is no call, and costs nothing.
    pub refused: bool,
    /// Whether anything was sent. Budgets of calls count only calls that were.
    pub sent: bool,
    /// The same for two requests that are the same to the byte; `None` where nobody asks for it.
    pub fingerprint: Option<u64>,
    /// Whether the model has ended its turn with an answer: it asks for no tool, and was not cut off.
    pub ends_turn: bool,
    /// When the call started.
    pub started: SystemTime,
    /// When it settled.
    pub ended: SystemTime,
    /// The version of the price table that priced it.
    pub price_version: Option<Arc<str>>,
}

/// What decides the price of a call: all that a catalogue is asked for, beside the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "whoever made the call fills it in")]
pub struct PricedAs {
    /// The model that served it, where that is another than was asked for.
    pub model: Option<Arc<str>>,
    /// The region that was called.
    pub region: Option<Arc<str>>,
    /// The tier that served it; `None` for one that this version does not know.
    pub tier: Option<Tier>,
    /// The latency mode that served it; likewise.
    pub latency: Option<Latency>,
}

/// One HTTP attempt of a call.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// The error by its short name, where there was one.
    pub error: Option<Arc<str>>,
}

/// An external charge.
#[derive(Clone, Debug)]
pub struct ChargeRecord {
    /// Its name.
    pub name: Arc<str>,
    /// Its amount.
    pub charge: Charge,
    /// When it was made.
    pub at: SystemTime,
}

impl CallRecord {
    /// A chat that was answered whole, in no time, and counted exactly: what a call is where nothing else is said.
    pub fn answered(model: Arc<str>, usage: Usage, charge: Charge, at: SystemTime) -> Self {
        Self {
            operation: "chat",
            model,
            usage,
            bounded_tokens: 0,
            units: None,
            guardrail: GuardrailUse::NotApplied,
            counted: Some(CostStatus::Exact),
            priced_as: PricedAs::default(),
            charge,
            attempts: Vec::new(),
            streamed: false,
            failed: false,
            refused: false,
            sent: true,
            fingerprint: None,
            ends_turn: true,
            started: at,
            ended: at,
            price_version: None,
        }
    }
}

impl Totals {
    /// Adds a settled call.
    pub(crate) fn add_call(&mut self, call: &CallRecord, kind: &CostKind) {
        if call.refused {
            self.refusals += 1;
            return;
        }
        let cost = call.charge.total();
        let unpriced = u64::from(!call.charge.is_priced());
        self.add_charge(&call.charge);
        self.usage += call.usage;
        self.calls += 1;
        self.attempts += call.attempts.len() as u64;
        self.unpriced_calls += unpriced;
        self.turns += u64::from(call.operation == "chat" && !call.failed);
        if call.failed {
            self.failed_calls += 1;
            self.failed = self.failed.saturating_add(cost);
        }
        self.add_kind(kind, cost, 1);
        let known = self.by_model.iter_mut().find(|m| Arc::ptr_eq(&m.model, &call.model) || m.model == call.model);
        match known {
            Some(model) => model.add(cost, call.usage, 1, unpriced),
            None => self.push_model(ModelTotals {
                model: call.model.clone(),
                cost,
                usage: call.usage,
                calls: 1,
                unpriced_calls: unpriced,
            }),
        }
    }
}
