use std::sync::Arc;

use outlay_ledger::{OpenRemote, Receipt, Received};

use super::late_receipt;
use crate::core::Core;
use crate::registry::Expected;

/// Counts a receipt once. A receipt that comes after its task has closed gets a span of its own.
pub(crate) fn count_receipt(
    core: &Core,
    receipt: &Receipt,
    expected: &Expected,
    open: Option<&Arc<OpenRemote>>,
) -> Received {
    let count_if_open = || open.map(|open| open.receive(receipt));
    let Some(totals) = receipt.totals() else { return count_if_open().unwrap_or(Received::Pending) };
    match expected.mark_received(receipt.id()) {
        // The ledger marks the total as incomplete.
        Err(Received::TooMany) => return count_if_open().unwrap_or(Received::TooMany),
        Err(duplicate) => return duplicate,
        Ok(()) => {}
    }
    let received = count_if_open().unwrap_or(Received::Late);
    if received == Received::Late {
        late_receipt::write(core, expected, totals);
    }
    received
}
