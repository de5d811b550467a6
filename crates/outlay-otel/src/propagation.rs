//! Between processes: whose work it is goes out with a request, and what it cost comes back as a receipt.
//!
//! Out go the W3C headers `traceparent` and `baggage`, the latter with the caller's task, agent and step, and the
//! dimensions that it lists. Back comes a [`Receipt`](outlay_ledger::Receipt).

mod baggage_members;
mod count_receipt;
mod incoming;
mod late_receipt;
mod outgoing;

pub(crate) use count_receipt::receive;
pub use incoming::{ExtractError, Incoming};
pub use outgoing::{RemoteWork, without_outlay};
