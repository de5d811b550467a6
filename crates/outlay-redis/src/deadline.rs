//! How long a call waits at most, whatever the thread that talks to Redis is busy with, and whatever runtime the call
//! is on.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::worker::Reply;

/// The thread that talks to Redis has its own limit, and so much longer to say so.
const GRACE: Duration = Duration::from_millis(20);

/// Where the answer to an ask goes, from whoever has it first.
#[derive(Clone, Debug)]
pub(crate) struct Answer(Arc<Place>);

/// Empty once there is an answer.
type Place = Mutex<Option<oneshot::Sender<Reply>>>;

/// The asks that wait, in the order in which their time is over.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    asks: VecDeque<(Instant, Weak<Place>)>,
    is_over: bool,
}

impl Answer {
    pub(crate) fn new(reply: oneshot::Sender<Reply>) -> Self {
        Self(Arc::new(Mutex::new(Some(reply))))
    }

    /// Whoever has given up takes the ask back by himself.
    pub(crate) fn give(&self, reply: Reply) {
        if let Some(waiting) = lock(&self.0).take() {
            let _ = waiting.send(reply);
        }
    }
}

impl Deadlines {
    /// All asks wait for the same time.
    pub(crate) fn add(&self, answer: &Answer, limit: Duration) {
        let Some(at) = Instant::now().checked_add(limit.saturating_add(GRACE)) else { return };
        let mut waiting = lock(&self.waiting);
        waiting.asks.push_back((at, Arc::downgrade(&answer.0)));
        if waiting.asks.len() == 1 {
            self.changed.notify_one();
        }
    }

    /// Nobody asks any more.
    pub(crate) fn end(&self) {
        lock(&self.waiting).is_over = true;
        self.changed.notify_one();
    }

    /// Runs until that.
    pub(crate) fn watch(&self) {
        let mut waiting = lock(&self.waiting);
        while !waiting.is_over {
            let now = Instant::now();
            let Some((at, _)) = waiting.asks.front() else {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            // Many are over soon after another: they are looked at together.
            if let Some(left) = at.checked_duration_since(now).filter(|left| !left.is_zero()) {
                let pause = left.max(GRACE / 4);
                waiting = self.changed.wait_timeout(waiting, pause).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if let Some(ask) = waiting.asks.pop_front().and_then(|(_, ask)| ask.upgrade()) {
                Answer(ask).give(Reply::Unknown);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_that_nobody_answers_is_over_by_itself_and_one_that_is_answered_keeps_that() {
        let deadlines = Arc::new(Deadlines::default());
        let watching = deadlines.clone();
        let thread = std::thread::spawn(move || watching.watch());
        let ask = || {
            let (reply, replied) = oneshot::channel();
            let answer = Answer::new(reply);
            deadlines.add(&answer, Duration::from_millis(1));
            (answer, replied)
        };
        let ((_stuck, over), (answered, known)) = (ask(), ask());
        answered.give(Reply::NotReserved);
        assert!(matches!(known.blocking_recv(), Ok(Reply::NotReserved)));
        assert!(matches!(over.blocking_recv(), Ok(Reply::Unknown)));
        deadlines.end();
        thread.join().unwrap();
    }
}
