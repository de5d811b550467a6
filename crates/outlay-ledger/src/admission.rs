//! The stages of a call in the ledger: admitted, pending, settled.

mod admit;
mod ask;
mod ask_store;
mod check_model;
mod pending_call;

pub use ask::Ask;
pub use ask_store::StoreQuestion;
pub use pending_call::{PendingCall, Settled};
