//! The time limit of a call. It holds even if the Redis thread is busy, and on any runtime.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::redis_reply::{Reply, ReplySender, WeakReplySender};

/// How much longer than its own limit the Redis thread has to report a timeout.
const GRACE: Duration = Duration::from_millis(20);

/// The waiting asks, in the order of their deadlines.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    asks: VecDeque<(Instant, WeakReplySender)>,
    is_closed: bool,
}

impl Deadlines {
    /// Adds an ask. All asks must have the same limit, so that they are in the order of their deadlines.
    pub(crate) fn add(&self, sender: &ReplySender, limit: Duration) {
        let Some(at) = Instant::now().checked_add(limit.saturating_add(GRACE)) else { return };
        let mut waiting = self.lock();
        waiting.asks.push_back((at, sender.downgrade()));
        if waiting.asks.len() == 1 {
            self.changed.notify_one();
        }
    }

    /// Ends [`run`](Self::run).
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Replies [`Reply::Unknown`] to asks at their deadlines, until it is closed.
    pub(crate) fn run(&self) {
        let mut waiting = self.lock();
        while !waiting.is_closed {
            let now = Instant::now();
            let Some((at, _)) = waiting.asks.front() else {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            // Deadlines that follow closely on one another are handled together.
            if let Some(left) = at.checked_duration_since(now).filter(|left| !left.is_zero()) {
                let pause = left.max(GRACE / 4);
                waiting = self.changed.wait_timeout(waiting, pause).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if let Some(sender) = waiting.asks.pop_front().and_then(|(_, sender)| sender.upgrade()) {
                sender.send(Reply::Unknown);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn an_unanswered_ask_times_out_and_an_answered_one_keeps_its_reply() {
        let deadlines = Arc::new(Deadlines::default());
        let running = deadlines.clone();
        let thread = std::thread::spawn(move || running.run());
        let ask = || {
            let (sender, receiver) = oneshot::channel();
            let sender = ReplySender::new(sender);
            deadlines.add(&sender, Duration::from_millis(1));
            (sender, receiver)
        };
        let ((_unanswered, timed_out), (answered, replied)) = (ask(), ask());
        answered.send(Reply::NotReserved);
        assert!(matches!(replied.blocking_recv(), Ok(Reply::NotReserved)));
        assert!(matches!(timed_out.blocking_recv(), Ok(Reply::Unknown)));
        deadlines.close();
        thread.join().unwrap();
    }
}
