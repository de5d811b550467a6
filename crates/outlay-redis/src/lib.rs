//! TODO
mod budgets;
mod connection;
mod error;
mod keys;
mod lease;
mod link;
mod queue;
mod settings;
mod worker;

pub use budgets::RedisBudgets;
pub use error::ConnectError;
pub use settings::{Builder, OnExpiry, WhenDown};
