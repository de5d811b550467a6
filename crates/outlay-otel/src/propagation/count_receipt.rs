use std::sync::Arc;

use outlay_ledger::{OpenRemote, Receipt, Received};

use super::late_receipt;
use crate::core::Core;
use crate::registry::Expected;

/// Counts a receipt, once. One that comes when its task has closed gets a span of its own.
pub(crate) fn receive(core: &Core, receipt: &Receipt, expected: &Expected, open: Option<&Arc<OpenRemote>>) -> Received {
    let in_time = || open.map(|open| open.receive(receipt));
    let Some(totals) = receipt.totals() else { return in_time().unwrap_or(Received::Pending) };
    match expected.take(receipt.id()) {
        // The ledger marks the sum as incomplete.
        Err(Received::TooMany) => return in_time().unwrap_or(Received::TooMany),
        Err(again) => return again,
        Ok(()) => {}
    }
    let received = in_time().unwrap_or(Received::Late);
    if received == Received::Late {
        late_receipt::write(core, expected, totals);
    }
    received
}
