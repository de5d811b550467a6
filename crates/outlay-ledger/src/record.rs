//! What is kept of a task for its report.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::{Charge, CostStatus, GuardrailUse, Latency, Tier, Units, Usage, Usd};

use crate::{BudgetExceeded, BudgetStatus, Dimensions, Outcome, RefusedCalls, ScopeKind, TaskId, Totals};

/// A task as it stood when its report was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskRecord {
    /// This run's id.
    pub id: TaskId,
    /// The task's tree.
    pub root: ScopeRecord,
    /// Whose it is.
    pub dimensions: Dimensions,
    /// How it ended.
    pub outcome: Outcome,
    /// Its budget, where it has one.
    pub budget: Option<BudgetStatus>,
    /// Calls that its budgets refused; the first 100.
    pub refusals: Vec<BudgetExceeded>,
    /// The number of this task's calls that budgets refused.
    pub refused_by_budgets: u64,
    /// Calls that were refused by other than budgets: because it was stopped, or by the policy.
    pub refused_otherwise: Option<RefusedCalls>,
}

/// One scope of a task, with what it held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeRecord {
    /// What the scope is.
    pub kind: ScopeKind,
    /// Its name.
    pub name: Arc<str>,
    /// When it started.
    pub started: SystemTime,
    /// When its own code ended; `None` while it runs.
    pub ended: Option<SystemTime>,
    /// Why it failed, if it did.
    pub failure: Option<Arc<str>>,
    /// What it and all below it cost.
    pub totals: Totals,
    /// What it held, in the order in which it settled.
    pub children: Vec<Record>,
    /// What it held beyond what a report keeps.
    pub elided: Elided,
}

/// Something that a scope held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A scope of its own.
    Scope(Arc<ScopeRecord>),
    /// A model call.
    Call(Box<CallRecord>),
    /// An external charge.
    Charge(ChargeRecord),
    /// Work that another process did.
    Remote(Box<RemoteRecord>),
}

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

/// Work that another process did, as its receipt says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteRecord {
    /// The name that it goes by here.
    pub name: Arc<str>,
    /// What it cost; `None` where the receipt was lost.
    pub totals: Option<Totals>,
    /// When it was asked for.
    pub started: SystemTime,
    /// When its receipt came, or was given up.
    pub ended: SystemTime,
}

/// How much a report leaves out of a scope that held very much. The totals hold it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elided {
    /// Calls, charges and scopes left out.
    pub records: u64,
    /// The known part of their cost.
    pub cost: Usd,
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

impl ScopeRecord {
    /// How long the scope's own code ran; `None` while it runs.
    pub fn duration(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.duration_since(self.started).unwrap_or_default())
    }
}

impl Record {
    /// The known part of the cost.
    pub fn cost(&self) -> Usd {
        match self {
            Self::Scope(scope) => scope.totals.known(),
            Self::Call(call) => call.charge.total(),
            Self::Charge(charge) => charge.charge.total(),
            Self::Remote(remote) => remote.totals.as_ref().map(Totals::known).unwrap_or_default(),
        }
    }
}

impl Elided {
    pub(crate) fn add(&mut self, cost: Usd) {
        self.records += 1;
        self.cost = self.cost.saturating_add(cost);
    }
}
