//! Receipts: counted when they come, and issued for work that others asked for.

use outlay_ledger::{Receipt, Received, RemoteId};

use super::Engine;
use crate::propagation::receive;
use crate::registry::{PendingReceipt, ReceiveError};

impl Engine {
    /// Counts a receipt for the work that it names, once.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] where it is no receipt, or one that nobody here waits for.
    pub fn receive_receipt(&self, text: &str) -> Result<Received, ReceiveError> {
        let receipt: Receipt = text.trim().parse()?;
        let id = receipt.remote_id().ok_or(ReceiveError::NotAsked)?;
        let work = self.0.expected_receipts.find(id).ok_or(ReceiveError::Unknown(id))?;
        Ok(receive(&self.0, &receipt, &work.expected, work.open.as_ref()))
    }

    /// Counts a receipt of this work and no other, as [`receive_receipt`](Self::receive_receipt) does.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] where it is no receipt, or one of other work.
    pub fn receive_receipt_of(&self, id: RemoteId, text: &str) -> Result<Received, ReceiveError> {
        let receipt: Receipt = text.trim().parse()?;
        let of = receipt.remote_id().ok_or(ReceiveError::NotAsked)?;
        if of != id {
            return Err(ReceiveError::Unknown(of));
        }
        let work = self.0.expected_receipts.find(id).ok_or(ReceiveError::Unknown(id))?;
        Ok(receive(&self.0, &receipt, &work.expected, work.open.as_ref()))
    }

    /// Returns the receipts that have not come, if it is known where to ask for them.
    pub fn pending_receipts(&self) -> Vec<PendingReceipt> {
        self.0.expected_receipts.pending()
    }

    /// Gives a receipt up, because the process that had it has it no more. It counts as lost, and is not asked for again.
    pub fn lose_receipt(&self, id: RemoteId) {
        self.0.expected_receipts.lose(id);
    }

    /// Returns the receipts of work that another process asked for, by the id of the work there: one for each run of it,
    /// whether final or not. The list is empty if the work is unknown, or was forgotten.
    pub fn receipts(&self, remote: RemoteId) -> Vec<Receipt> {
        self.0.issued_receipts.receipts(remote)
    }
}
