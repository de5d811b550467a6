//! Closes finished scopes that wait too long for what is open in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::clock::{Clock, instant};
use crate::sync::{Mutex, lock, thread};

/// Something that is closed when it has waited for too long: a scope.
pub(crate) trait CloseOverdue: Send + Sync {
    /// Closes it, unless it has a reason to wait on.
    fn close_overdue(self: Arc<Self>);
}

/// Closes scopes that have passed their late limit. Its thread runs only while a scope is waiting.
pub(crate) struct Sweeper {
    queue: Arc<Mutex<Queue>>,
    clock: Arc<dyn Clock>,
    /// So long a scope waits.
    limit: Duration,
}

/// Those that wait, in the order in which they came.
#[derive(Default)]
struct Queue {
    waiting: BTreeMap<u64, Waiting>,
    last: u64,
    time: Steady,
    /// What came before waits from then on, for the process stood still.
    thawed: Duration,
    running: bool,
}

struct Waiting {
    since: Duration,
    scope: Weak<dyn CloseOverdue>,
}

/// A clock that does not go back, whatever the one does that it goes by.
#[derive(Default)]
struct Steady {
    last: Duration,
    /// So much that one has gone back.
    lost: Duration,
}

impl Steady {
    fn at(&mut self, time: Duration) -> Duration {
        self.lost = self.lost.saturating_add(self.last.saturating_sub(time));
        self.last = time;
        time.saturating_add(self.lost)
    }
}

impl Sweeper {
    pub(crate) fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { queue: Arc::default(), clock, limit }
    }

    /// Has a scope closed once the limit is over. Returns its number in the queue, which is never 0.
    pub(crate) fn add(&self, scope: Weak<dyn CloseOverdue>) -> u64 {
        // Before the thread is there, too, the process may stand still.
        let began = instant();
        let time = self.clock.monotonic();
        let (number, start) = {
            let mut queue = lock(&self.queue);
            let since = queue.time.at(time);
            queue.last += 1;
            let number = queue.last;
            queue.waiting.insert(number, Waiting { since, scope });
            (number, !std::mem::replace(&mut queue.running, true))
        };
        if start {
            self.start(began);
        }
        number
    }

    /// Takes out what has closed by itself.
    pub(crate) fn remove(&self, number: u64) {
        lock(&self.queue).waiting.remove(&number);
    }

    pub(crate) fn close_overdue(&self) {
        close_overdue(&self.queue, &*self.clock, self.limit);
    }

    fn start(&self, began: Instant) {
        let queue = Arc::downgrade(&self.queue);
        let (clock, limit) = (self.clock.clone(), self.limit);
        let spawned =
            thread::Builder::new().name("outlay-sweeper".into()).spawn(move || sweep(&queue, &*clock, limit, began));
        if spawned.is_err() {
            // Without a thread scopes still close when they settle; the next one that waits tries again.
            lock(&self.queue).running = false;
        }
    }
}

fn sweep(queue: &Weak<Mutex<Queue>>, clock: &dyn Clock, limit: Duration, mut last: Instant) {
    let step = (limit / 4).clamp(Duration::from_millis(5), Duration::from_secs(5));
    loop {
        thread::sleep(step);
        let Some(queue) = queue.upgrade() else { return };
        let now = instant();
        let gap = now.saturating_duration_since(std::mem::replace(&mut last, now));
        // The process, or the machine, stood still. What was open in a scope could not settle meanwhile.
        if gap > limit.saturating_add(step) {
            let time = clock.monotonic();
            let mut queue = lock(&queue);
            queue.thawed = queue.time.at(time);
        }
        close_overdue(&queue, clock, limit);
        let mut queue = lock(&queue);
        if queue.waiting.is_empty() {
            queue.running = false;
            return;
        }
    }
}

fn close_overdue(queue: &Mutex<Queue>, clock: &dyn Clock, limit: Duration) {
    loop {
        let time = clock.monotonic();
        let scope = {
            let mut queue = lock(queue);
            let now = queue.time.at(time);
            let thawed = queue.thawed;
            match queue.waiting.first_entry() {
                Some(first) if first.get().since.max(thawed).saturating_add(limit) <= now => first.remove().scope,
                _ => return,
            }
        };
        if let Some(scope) = scope.upgrade() {
            scope.close_overdue();
        }
    }
}
