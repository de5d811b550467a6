//! The integration tests: the real SDK client against a simulator, and what comes out of it.
#![allow(missing_docs)]

mod budgets;
mod ends;
mod metering;
mod roll_up;
mod scopes;
mod streams;
