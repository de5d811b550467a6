//! The ledger of an AI agent's task: what each of its scopes cost, rolled up exactly.
//!
//! A [`Ledger`] opens tasks. A task is a tree of [`Scope`]s (agents, plans, tool calls, other steps) that records model
//! calls and external charges. A charge is written to its own scope only. Parent scopes are summed when they are read
//! ([`Scope::totals`]), and a scope is folded into its parent when it closes. So the totals of a parent always equal its
//! own charges plus those of its children, to the pico-dollar.
//!
//! The crate does not depend on AWS, OpenTelemetry or an async runtime. Most programs use it through `outlay`.

#![deny(clippy::float_arithmetic)]

mod admission;
mod alert;
mod budget;
mod callback;
mod clock;
mod facts;
mod id;
mod id_source;
#[cfg(all(test, outlay_shuttle))]
mod interleavings;
mod ledger;
mod ledger_state;
mod message_text;
mod money;
mod policy;
mod receipt;
mod record;
mod refusal;
mod remote;
mod runaway;
mod scope;
mod serialize;
mod stop;
mod sweeper;
mod sync;
mod task;

pub use admission::{Ask, PendingCall, Settled, StoreQuestion};
pub use alert::{Alert, AlertKind};
pub use budget::{
    Budget, BudgetExceeded, BudgetInForce, BudgetRule, BudgetStatus, BudgetStore, BudgetsInForce, Forecast, Held,
    OnSoftLimit, ParsePeriodError, Period, RefusalReason, Reserve, Settlement, StoreAnswer, StoreAsk, StoreBudget,
    StoreCheck, StoreFigures, StoreFuture, StoreHold,
};
#[doc(hidden)]
pub use callback::guarded;
pub use clock::{Clock, SystemClock};
pub use facts::TaskFacts;
pub use id::{AgentId, OutcomeId, ParseIdError, ReceiptId, RemoteId, StepId, TaskId};
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
#[doc(hidden)]
pub use serialize::time as serialize_time;
pub use stop::StopTarget;
pub use task::{Caller, CostKind, Dimension, Dimensions, Outcome, OutcomeKind, ScopeKind, StepKind};
