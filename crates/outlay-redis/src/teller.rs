//! Tells soft limits, from a thread of its own: it is the application's code that is told, and may take its time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use outlay_ledger::{OnSoftLimit, StoreFigures};

/// So many wait to be told; others are said to be missed.
const MAX_WAITING: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Teller {
    /// The thread is there once there is something to tell. It ends when nobody can tell more.
    told: OnceLock<SyncSender<(OnSoftLimit, StoreFigures)>>,
    has_missed: AtomicBool,
}

impl Teller {
    pub(crate) fn tell(&self, whom: &OnSoftLimit, figures: StoreFigures) {
        let told = self.told.get_or_init(start);
        if told.try_send((whom.clone(), figures)).is_err() && !self.has_missed.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "outlay", "soft limits are reached faster than on_alert takes them: some are not told");
        }
    }
}

fn start() -> SyncSender<(OnSoftLimit, StoreFigures)> {
    let (sender, told) = sync_channel::<(OnSoftLimit, StoreFigures)>(MAX_WAITING);
    // Without a thread they are missed.
    let _ = std::thread::Builder::new().name("outlay-redis-alerts".into()).spawn(move || {
        for (whom, figures) in told {
            whom.tell(figures);
        }
    });
    sender
}
