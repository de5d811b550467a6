use std::sync::{Arc, Mutex, PoisonError, Weak};

use outlay_ledger::StoreAnswer;
use tokio::sync::oneshot;

/// The result of an ask.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(StoreAnswer),
    /// The ask was not sent, or Redis keeps no reservation for it.
    NotReserved,
    /// The ask was sent, and may have been reserved.
    Unknown,
}

/// Sends the reply to a waiting ask. Only the first reply counts.
#[derive(Clone, Debug)]
pub(crate) struct ReplySender(Arc<Slot>);

/// A [`ReplySender`] that does not keep the ask waiting.
#[derive(Debug)]
pub(crate) struct WeakReplySender(Weak<Slot>);

/// Empty once a reply was sent.
type Slot = Mutex<Option<oneshot::Sender<Reply>>>;

impl ReplySender {
    pub(crate) fn new(sender: oneshot::Sender<Reply>) -> Self {
        Self(Arc::new(Mutex::new(Some(sender))))
    }

    /// Sends `reply`, unless another one was sent before. A caller that has given up withdraws the ask itself.
    pub(crate) fn send(&self, reply: Reply) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = sender.send(reply);
        }
    }

    pub(crate) fn downgrade(&self) -> WeakReplySender {
        WeakReplySender(Arc::downgrade(&self.0))
    }
}

impl WeakReplySender {
    pub(crate) fn upgrade(&self) -> Option<ReplySender> {
        self.0.upgrade().map(ReplySender)
    }
}
