use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::{Charge, CostStatus, GuardrailUse, Latency, Tier, Units, Usage};

use crate::{CostKind, ModelTotals, Totals};

/// A settled model call.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// The operation's semantic-convention name: `chat`, `embeddings`, ...
    pub operation: &'static str,
    /// The model id in the request.
    pub model: Arc<str>,
    /// The counted token usage.
    pub usage: Usage,
    /// An upper bound on further tokens, if the end of the call was not seen or an attempt was never answered.
    pub bounded_tokens: u64,
    /// Images, seconds and queries; `None` if they were not counted.
    pub units: Option<Units>,
    /// The guardrail's usage.
    pub guardrail: GuardrailUse,
    /// The status of the usage; `None` if the usage is not fully known.
    pub counted: Option<CostStatus>,
    /// What decides its price besides the usage.
    pub priced_as: PricedAs,
    /// The cost.
    pub charge: Charge,
    /// The HTTP attempts.
    pub attempts: Vec<AttemptRecord>,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// Whether the application got an error.
    pub failed: bool,
    /// Whether it was refused before anything was sent. Such a call is not counted as one, and costs nothing.
    pub refused: bool,
    /// Whether anything was sent. Budgets in calls count only sent calls.
    pub sent: bool,
    /// A fingerprint that is equal for requests with equal bytes; `None` if no rule compares calls.
    pub fingerprint: Option<u64>,
    /// Whether the model ended its turn with an answer, that is, without a tool request and without being cut off.
    pub ends_turn: bool,
    /// When the call started.
    pub started: SystemTime,
    /// When it settled.
    pub ended: SystemTime,
    /// The version of the price table that priced it.
    pub price_version: Option<Arc<str>>,
}

/// The inputs of a price lookup, besides the usage and the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the code that makes the call fills it in")]
pub struct PricedAs {
    /// The model that served the call, if it is not the requested one.
    pub model: Option<Arc<str>>,
    /// The region of the endpoint.
    pub region: Option<Arc<str>>,
    /// The tier that served the call; `None` for a tier that this version does not know.
    pub tier: Option<Tier>,
    /// The latency mode that served the call; `None` for a mode that this version does not know.
    pub latency: Option<Latency>,
}

/// One HTTP attempt of a call.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The short name of the error, if there was one.
    pub error: Option<Arc<str>>,
}

/// An external charge.
#[derive(Clone, Debug)]
pub struct ChargeRecord {
    /// Its name.
    pub name: Arc<str>,
    /// The amount.
    pub charge: Charge,
    /// When it was made.
    pub at: SystemTime,
}

impl CallRecord {
    /// Returns the record of a chat call that was answered completely, took no time, and has an exact usage.
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
