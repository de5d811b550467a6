//! Reports of what an AI agent's task cost.
//!
//! A [`Report`] holds a finished or running task with everything in it. Printed, it is a cost tree in at most 30 lines
//! of 100 columns: which scope spent how much on what. The parts shown always add up to the total, and an unknown cost
//! is never shown as zero.
//!
//! ```
//! use outlay_ledger::{Ledger, Outcome, StepKind, TaskSpec};
//! use outlay_price::{Charge, Usd};
//! use outlay_report::{Report, Style};
//!
//! let task = Ledger::default().task(TaskSpec::new("resolve-ticket"));
//! let tool = task.step(StepKind::Tool, "search_kb");
//! tool.charge("serp-api", Charge::external(Usd::from_micros(5_000)));
//! tool.finish();
//! task.set_outcome(Outcome::success());
//! task.finish();
//!
//! let report = Report::new(task.task_record());
//! let text = report.render(Style::plain());
//! assert!(text.starts_with("resolve-ticket  success  $0.005000  exact"));
//! assert!(text.contains("`- charge serp-api"));
//! ```
//!
//! The crate does not depend on AWS or OpenTelemetry. Most programs use it through `outlay`.

#![deny(clippy::float_arithmetic)]

mod report;
mod repriced;
mod serialize;
mod style;
mod text;

pub use report::Report;
pub use repriced::{Repriced, RepricedCall};
pub use style::Style;
