//! Propagation between processes: a request names the task that it is for, and a receipt returns what the work cost.
//!
//! A request has the W3C headers `traceparent` and `baggage`, the latter with the caller's task, agent and step, and the
//! dimensions in its settings. The answer has a [`Receipt`](outlay_ledger::Receipt).

mod baggage_members;
mod carrier;
mod count_receipt;
mod incoming_request;
mod late_receipt;
mod outgoing_request;
pub(crate) mod trace_context;

pub use carrier::{ReadCarrier, WriteCarrier};
pub(crate) use count_receipt::count_receipt;
pub use incoming_request::{ExtractError, Incoming};
pub use outgoing_request::{RemoteWork, without_outlay};
