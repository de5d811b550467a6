#![doc = include_str!("../README.md")]

#[cfg(feature = "bedrock")]
pub mod bedrock;
mod build;
mod default_outlay;
mod environment;
mod find_refusal;
mod outlay;
mod run;
mod scope_builder;
mod scope_functions;
#[cfg(any(feature = "telemetry", feature = "tower"))]
mod shown_url;
mod task;
mod task_builder;
#[cfg(feature = "telemetry")]
pub mod telemetry;
#[cfg(feature = "tower")]
pub mod tower;
mod unmetered_call;
mod watch_policy_file;
mod watch_price_file;
mod watched_file;

pub use outlay_ledger::{
    AlertKind, Amount, Budget, BudgetExceeded, BudgetRule, BudgetStatus, BudgetStore, Cost, CostKind, Dimension,
    Dimensions, DirectionTotals, KindTotals, LoadPolicyError, ModelTotals, Outcome, OutcomeKind, ParseReceiptError,
    Period, Policy, PolicyRule, PolicyViolation, Receipt, ReceiptId, Received, Refusal, RefusalReason, RefusedCalls,
    RefusedOutsideTask, RemoteId, Reserve, Review, Runaway, RunawayRule, StepKind, StopTarget, Stopped, TaskId, Totals,
    Violation,
};
pub use outlay_otel::{
    AttemptSpans, Attribution, Degrade, DroppedStream, ExtractError, InScope, Incoming, ModelAnswer, Notice, OpenTask,
    Operation, OutsideTasks, PendingReceipt, ReceiveError, RemoteWork, ResolveModel, Semconv, Viewer,
};
pub use outlay_price::{
    CacheTtl, CostStatus, GuardrailUse, LoadPricesError, ModelRef, Prices, Unit, UnitCount, Units, Usage, Usd,
};
pub use outlay_report::{Report, Style};

pub use crate::build::{BuildError, Builder};
pub use crate::environment::BadVariable;
pub use crate::find_refusal::{budget_exceeded, outside_task, policy_violation, stopped};
pub use crate::outlay::Outlay;
pub use crate::run::{Run, TaskRun, TryRun};
pub use crate::scope_builder::{ScopeBuilder, ScopeEntered};
pub use crate::scope_functions::{agent, call, charge, fail, in_scope, plan, remote, retry, step, tool};
pub use crate::task::{Task, TaskEntered};
pub use crate::task_builder::TaskBuilder;
pub use crate::unmetered_call::MadeCall;
