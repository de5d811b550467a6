//! Receipts that other processes send, and receipts for the work that they asked for.

use outlay_ledger::{Receipt, Received, RemoteId};

use super::Engine;
use crate::propagation::count_receipt;
use crate::registry::{PendingReceipt, ReceiveError};

impl Engine {
    /// Counts a receipt for the work that it names. A receipt counts only once.
    ///
    /// # Errors
    ///
    /// Returns a [`ReceiveError`] if the text is not a receipt, or if no work here waits for it.
    pub fn receive_receipt(&self, text: &str) -> Result<Received, ReceiveError> {
        let receipt: Receipt = text.trim().parse()?;
        let id = receipt.remote_id().ok_or(ReceiveError::NotAsked)?;
        let work = self.0.expected_receipts.find(id).ok_or(ReceiveError::Unknown(id))?;
        Ok(count_receipt(&self.0, &receipt, &work.expected, work.open.as_ref()))
    }

    /// Like [`receive_receipt`](Self::receive_receipt), but accepts only a receipt for the work `id`.
    ///
    /// # Errors
    ///
    /// Returns a [`ReceiveError`] if the text is not a receipt, or if it is for other work.
    pub fn receive_receipt_of(&self, id: RemoteId, text: &str) -> Result<Received, ReceiveError> {
        let receipt: Receipt = text.trim().parse()?;
        let of = receipt.remote_id().ok_or(ReceiveError::NotAsked)?;
        if of != id {
            return Err(ReceiveError::Unknown(of));
        }
        let work = self.0.expected_receipts.find(id).ok_or(ReceiveError::Unknown(id))?;
        Ok(count_receipt(&self.0, &receipt, &work.expected, work.open.as_ref()))
    }

    /// Returns the receipts that have not come and can be fetched from a known place.
    pub fn pending_receipts(&self) -> Vec<PendingReceipt> {
        self.0.expected_receipts.pending()
    }

    /// Marks a receipt as lost, because the other process no longer has it. It is not fetched again.
    pub fn lose_receipt(&self, id: RemoteId) {
        self.0.expected_receipts.lose(id);
    }

    /// Returns the receipts of work that another process asked for: one for each run of the work, whether final or not.
    /// `remote` is the caller's id of the work. The list is empty if the work is unknown or was forgotten.
    pub fn receipts(&self, remote: RemoteId) -> Vec<Receipt> {
        self.0.issued_receipts.receipts(remote)
    }
}
