#![doc = include_str!("../README.md")]
//!
//! # In this documentation
//!
//! The guides are in [`guide`], and the modules by topic below.
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod alert;
#[cfg(feature = "bedrock")]
pub mod bedrock;
pub mod budget;
mod build;
pub mod clock;
mod current_task;
mod default_outlay;
mod environment;
mod find_refusal;
pub mod guide;
mod idle;
mod manual_call;
pub mod otel;
pub mod outcome;
mod outlay;
pub mod policy;
pub mod prices;
pub mod propagation;
pub mod report;
mod run;
pub mod scope;
mod scope_builder;
mod scope_functions;
#[cfg(any(feature = "telemetry", feature = "tower"))]
mod shown_url;
mod task;
mod task_builder;
#[cfg(feature = "telemetry")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod thread_safety;
#[cfg(feature = "tower")]
pub mod tower;
mod watch_policy_file;
mod watch_price_file;
mod watched_file;

pub use outlay_ledger::{Budget, Cost, Outcome, OutcomeKind, TaskId, Totals};
pub use outlay_price::{CostStatus, Prices, Usage, Usd};
pub use outlay_report::Report;

pub use crate::build::{BuildError, OutlayBuilder};
pub use crate::current_task::{CurrentTask, current_task};
pub use crate::environment::InvalidVariableError;
pub use crate::find_refusal::{budget_exceeded, outside_task, policy_violation, stopped};
pub use crate::idle::{Idle, NotIdleError};
pub use crate::manual_call::ManualCall;
pub use crate::outlay::Outlay;
pub use crate::scope_builder::ScopeBuilder;
pub use crate::scope_functions::{agent, call, charge, fail, in_scope, plan, remote, retry, step, tool};
pub use crate::task::Task;
pub use crate::task_builder::TaskBuilder;
