//! Tasks across processes: a request names the task that it is for, and a receipt returns what the work cost.
//!
//! [`remote`](crate::remote) starts remote work, with an example. Over HTTP, the layers of `outlay::tower` (feature `tower`)
//! do all of this.

pub use outlay_ledger::{Caller, ParseReceiptError, Receipt, ReceiptId, Received, RemoteId};
pub use outlay_otel::{ExtractError, Incoming, PendingReceipt, ReadCarrier, ReceiveError, RemoteWork, WriteCarrier};
