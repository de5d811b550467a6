//! The books of an AI agent's task: what each scope of it cost, rolled up exactly.
//!
//! A [`Ledger`] opens tasks; a task is a tree of [`Scope`]s (agents, plans, tool calls, other steps) in which model
//! calls and external charges are recorded. A charge touches its own scope only; what lies above is summed when
//! somebody asks ([`Scope::totals`]) and folded when a scope closes, so that a parent's totals always are its own
//! charges and its children's, to the pico-dollar.
//!
//! The crate knows nothing of AWS, OpenTelemetry or an async runtime. Most programs use it through `outlay`.

#![deny(clippy::float_arithmetic)]

mod alert;
mod budget;
mod call;
mod callback;
mod caller;
mod clock;
mod dimensions;
mod id;
mod kind;
mod ledger;
mod message_text;
mod outcome;
mod policy;
#[cfg(all(test, outlay_shuttle))]
mod proof;
mod receipt;
mod record;
mod refusal;
mod remote;
mod runaway;
mod running;
mod scope;
mod spec;
mod stop;
mod store;
mod sweeper;
mod sync;
mod totals;

pub use alert::{Alert, AlertKind};
pub use budget::{
    Amount, Budget, BudgetExceeded, BudgetRule, BudgetStatus, Forecast, Period, RefusalReason, Reserve, StoreCheck,
};
pub use call::{Ask, OpenCall, Settled, StoreQuestion};
#[doc(hidden)]
pub use callback::guarded;
pub use caller::Caller;
pub use clock::{Clock, IdSource, SystemClock, TimeOrderedIds};
pub use dimensions::{Dimension, Dimensions};
pub use id::{AgentId, ParseIdError, ReceiptId, RemoteId, StepId, TaskId};
pub use kind::{CostKind, StepKind};
pub use ledger::{Ledger, LedgerBuilder};
#[doc(hidden)]
pub use message_text::shown;
pub use outcome::{Outcome, OutcomeKind};
pub use policy::{LoadPolicyError, Policy, PolicyCounts, PolicyRule, PolicyViolation, Review, Violation};
pub use receipt::{ParseReceiptError, Receipt};
pub use record::{
    AttemptRecord, CallRecord, ChargeRecord, Elided, PricedAs, Record, RemoteRecord, ScopeRecord, TaskRecord,
};
pub use refusal::{Refusal, RefusedCalls, RefusedOutsideTask};
pub use remote::{OpenRemote, Received};
pub use runaway::{Runaway, RunawayRule};
pub use scope::{ChargedScope, ClosedScope, Hold, Scope};
pub use spec::{ScopeKind, TaskSpec};
pub use stop::{StopTarget, Stopped};
pub use store::{
    BudgetStore, Held, OnSoftLimit, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreFigures, StoreFuture,
    StoreHold,
};
pub use totals::{Cost, DirectionTotals, KindTotals, ModelTotals, Totals};
