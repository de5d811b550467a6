//! Model calls, from before they are sent until they have settled.

mod ask_shared_budget;
mod attempt;
mod attempt_span;
mod begin;
mod billed;
mod build_call_record;
mod call_attributes;
mod call_end;
mod call_event;
mod call_span;
mod call_start;
mod end_job;
mod look_up_price;
mod operation;
mod outside_tasks;
mod settle;
mod settled_call;

pub use attempt::{Attempt, AttemptSpans};
pub use begin::OpenCall;
pub use billed::Billed;
pub(crate) use billed::ShownTokens;
pub use call_end::CallEnd;
pub use call_span::CallSpan;
pub use call_start::CallStart;
pub use operation::Operation;
pub(crate) use settled_call::SettledCall;
