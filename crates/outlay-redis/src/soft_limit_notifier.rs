//! Reports reached soft limits on a dedicated thread, because the application's handler may be slow.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use outlay_ledger::{OnSoftLimit, StoreFigures};

/// The maximum number of queued notifications; more are dropped, which is logged once.
const MAX_QUEUED: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct SoftLimitNotifier {
    /// Starts its thread with the first notification. The thread ends when the sender is dropped.
    queue: OnceLock<SyncSender<(OnSoftLimit, StoreFigures)>>,
    has_dropped: AtomicBool,
}

impl SoftLimitNotifier {
    pub(crate) fn notify(&self, handler: &OnSoftLimit, figures: StoreFigures) {
        let queue = self.queue.get_or_init(start);
        if queue.try_send((handler.clone(), figures)).is_err() && !self.has_dropped.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "outlay", "on_alert is too slow: some reached soft limits are not reported");
        }
    }
}

fn start() -> SyncSender<(OnSoftLimit, StoreFigures)> {
    let (sender, queue) = sync_channel::<(OnSoftLimit, StoreFigures)>(MAX_QUEUED);
    // If the thread cannot be started, all notifications are dropped.
    let _ = std::thread::Builder::new().name("outlay-redis-alerts".into()).spawn(move || {
        for (handler, figures) in queue {
            handler.tell(figures);
        }
    });
    sender
}
