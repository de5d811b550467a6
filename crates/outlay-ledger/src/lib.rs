//! The books of an AI agent's task: what each scope of it cost, rolled up exactly.
//!
//! A [`Ledger`] opens tasks; a task is a tree of [`Scope`]s (agents, plans, tool calls, other steps) in which model
//! calls and external charges are recorded. A charge touches its own scope only; what lies above is summed when
//! somebody asks ([`Scope::totals`]) and folded when a scope closes, so that a parent's totals always are its own
//! charges and its children's, to the pico-dollar.
//!
//! The crate knows nothing of AWS, OpenTelemetry or an async runtime. Most programs use it through `outlay`.

#![deny(clippy::float_arithmetic)]

mod admission;
mod alert;
mod budget;
mod callback;
mod clock;
mod facts;
mod ground;
mod id;
mod id_source;
mod ledger;
mod message_text;
mod money;
mod policy;
#[cfg(all(test, outlay_shuttle))]
mod proof;
mod receipt;
mod record;
mod refusal;
mod remote;
mod runaway;
mod scope;
mod stop;
mod sweeper;
mod sync;
mod task;

pub use admission::{Ask, PendingCall, Settled, StoreQuestion};
pub use alert::{Alert, AlertKind};
pub use budget::{
    Budget, BudgetExceeded, BudgetRule, BudgetStatus, BudgetStore, Forecast, Held, OnSoftLimit, Period, RefusalReason,
    Reserve, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreCheck, StoreFigures, StoreFuture, StoreHold,
};
#[doc(hidden)]
pub use callback::guarded;
pub use clock::{Clock, SystemClock};
pub use facts::TaskFacts;
pub use id::{AgentId, ParseIdError, ReceiptId, RemoteId, StepId, TaskId};
pub use id_source::{IdSource, TimeOrderedIds};
pub use ledger::{Ledger, LedgerBuilder};
#[doc(hidden)]
pub use message_text::shown;
pub use money::{Amount, Cost, KindTotals, ModelTotals, Totals};
#[doc(no_inline)]
pub use outlay_price::DirectionTotals;
pub use policy::{LoadPolicyError, Policy, PolicyCounts, PolicyRule, Review};
pub use receipt::{ParseReceiptError, Receipt};
pub use record::{
    AttemptRecord, CallRecord, ChargeRecord, Elided, PricedAs, Record, RemoteRecord, ScopeRecord, TaskRecord,
};
pub use refusal::{PolicyViolation, Refusal, RefusedCalls, RefusedOutsideTask, Stopped, Violation};
pub use remote::{OpenRemote, Received};
pub use runaway::{Runaway, RunawayRule};
pub use scope::{ChargedScope, ClosedScope, Hold, Scope, TaskSpec, WeakScope};
pub use stop::StopTarget;
pub use task::{Caller, CostKind, Dimension, Dimensions, Outcome, OutcomeKind, ScopeKind, StepKind};
