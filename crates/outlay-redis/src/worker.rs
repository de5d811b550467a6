//! The thread that talks to Redis: so that neither a runtime that is busy nor one that ends keeps it from being asked, or
//! from hearing that this process lives.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use outlay_ledger::{StoreAnswer, StoreAsk};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::budgets::Shared;
use crate::connection::Connection;
use crate::link::{self, Answered, Scripts, Settled};
use crate::queue::{Entry, Queue};
use crate::settings::Builder;

/// A batch and a new connection may take longer than a call waits: one that is merely slow is to be written too.
const PATIENCE: Duration = Duration::from_secs(1);
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// Between two tries to reach Redis: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// For so long what is left is written when nobody has the budgets any more.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum Command {
    Reserve {
        ask: StoreAsk,
        asked: Instant,
        reply: oneshot::Sender<Reply>,
    },
    Settle(Entry),
    /// Told when nothing is left to be written, or that the limit is over.
    Flush {
        limit: Duration,
        flushed: oneshot::Sender<bool>,
    },
}

/// What became of an ask.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(StoreAnswer),
    /// It has not been sent, or Redis will have nothing of it.
    NotReserved,
    /// It has been sent, and may have been reserved.
    Unknown,
}

struct Worker {
    settings: Builder,
    shared: Arc<Shared>,
    scripts: Scripts,
    link: RefCell<Option<Connection>>,
    queue: RefCell<Queue>,
    /// Who waits until nothing is left to be written.
    flushed: RefCell<Vec<oneshot::Sender<()>>>,
    wake: Notify,
    last_sign: Cell<Option<Instant>>,
}

/// However the thread ends, no call waits for it.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.went_down("the thread that talks to it has ended".to_owned());
    }
}

/// Runs until nobody can send commands any more.
pub(crate) fn run(settings: Builder, owner: String, shared: Arc<Shared>, commands: mpsc::UnboundedReceiver<Command>) {
    let _ended = Ended(shared.clone());
    // A runtime of one thread fails to start where the process has no file left; calls then go by the rule for that.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let worker = Rc::new(Worker {
        scripts: Scripts::new(&settings, owner),
        settings,
        shared,
        link: RefCell::default(),
        queue: RefCell::default(),
        flushed: RefCell::default(),
        wake: Notify::new(),
        last_sign: Cell::new(None),
    });
    LocalSet::new().block_on(&runtime, worker.serve(commands));
}

impl Worker {
    async fn serve(self: Rc<Self>, mut commands: mpsc::UnboundedReceiver<Command>) {
        let writer = tokio::task::spawn_local(self.clone().write());
        while let Some(command) = commands.recv().await {
            match command {
                Command::Reserve { ask, asked, reply } => {
                    let worker = self.clone();
                    tokio::task::spawn_local(async move {
                        // Whoever has given up takes it back by himself.
                        let _ = reply.send(worker.reserve(&ask, asked).await);
                    });
                }
                Command::Settle(entry) => {
                    self.queue.borrow_mut().push(entry);
                    self.wake.notify_one();
                }
                Command::Flush { limit, flushed } => {
                    let worker = self.clone();
                    tokio::task::spawn_local(async move {
                        let _ = flushed.send(worker.flush(limit).await);
                    });
                }
            }
        }
        self.flush(LAST_WORDS).await;
        writer.abort();
        self.shared.leave();
        let link = self.link.borrow().clone();
        if let Some(mut link) = link {
            let _ = timeout(PATIENCE, self.scripts.leave(&mut link)).await;
        }
    }

    async fn flush(&self, limit: Duration) -> bool {
        let (told, empty) = oneshot::channel();
        self.flushed.borrow_mut().push(told);
        self.wake.notify_one();
        timeout(limit, empty).await.is_ok_and(|told| told.is_ok())
    }

    async fn reserve(&self, ask: &StoreAsk, asked: Instant) -> Reply {
        let link = self.link.borrow().clone();
        let Some(mut link) = link.filter(|_| self.shared.is_up()) else { return Reply::NotReserved };
        let left = self.settings.time_limit.saturating_sub(asked.elapsed());
        match timeout(left, self.scripts.reserve(&mut link, ask)).await {
            Ok(Ok(Some(Answered { answer, used }))) => {
                self.shared.see(ask, &used);
                Reply::Answer(answer)
            }
            Ok(Ok(None)) => Reply::NotReserved,
            Ok(Err(error)) if link::is_of_command(&error) => {
                self.shared.say_failed(&error);
                Reply::NotReserved
            }
            Ok(Err(error)) => {
                self.lose(Some(&error));
                Reply::Unknown
            }
            Err(_) => {
                self.lose(None);
                Reply::Unknown
            }
        }
    }

    /// Calls do not wait for Redis any more, until it is there again.
    fn lose(&self, why: Option<&redis::RedisError>) {
        if let Some(error) = why
            && (error.is_io_error() || error.is_connection_dropped())
        {
            self.link.borrow_mut().take();
        }
        self.shared.went_down(why.map_or_else(|| "it did not answer in time".to_owned(), ToString::to_string));
        self.wake.notify_one();
    }

    /// Writes what has been spent, and signs of life; while Redis is away, it is what finds it again.
    async fn write(self: Rc<Self>) {
        let beat = self.settings.expire_after / 4;
        let mut pause = FIRST_PAUSE;
        loop {
            let is_due = self.last_sign.get().is_none_or(|last| last.elapsed() >= beat);
            let is_idle = self.queue.borrow().is_empty() && self.shared.is_up() && !is_due;
            if is_idle {
                for flushed in self.flushed.borrow_mut().drain(..) {
                    let _ = flushed.send(());
                }
                let left = self.last_sign.get().map_or(beat, |last| beat.saturating_sub(last.elapsed()));
                let _ = timeout(left, self.wake.notified()).await;
                continue;
            }
            if self.write_batch().await && (self.shared.is_up() || !self.queue.borrow().is_empty()) {
                pause = FIRST_PAUSE;
                continue;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// True where Redis has it.
    async fn write_batch(&self) -> bool {
        let patience = PATIENCE.max(self.settings.time_limit);
        let link = self.link.borrow().clone();
        let mut link = match link {
            Some(link) => link,
            None => {
                match timeout(CONNECT_PATIENCE, self.scripts.connect(&self.settings.target, CONNECT_PATIENCE)).await {
                    Ok(Ok(link)) => self.link.borrow_mut().insert(link).clone(),
                    Ok(Err(error)) => {
                        self.lose(Some(&error));
                        return false;
                    }
                    Err(_) => {
                        self.lose(None);
                        return false;
                    }
                }
            }
        };
        let began = Instant::now();
        // It stays as it is until it is confirmed; what is pushed meanwhile waits behind it.
        let batch = self.queue.borrow_mut().take_batch();
        let written = timeout(patience, self.scripts.settle(&mut link, &batch)).await;
        match written {
            Ok(Ok(settled)) => {
                self.confirmed(&batch.entries, &settled);
                self.last_sign.set(Some(began));
                if self.queue.borrow().is_empty() && began.elapsed() <= self.settings.time_limit {
                    self.shared.came_up();
                }
                true
            }
            Ok(Err(error)) => {
                self.queue.borrow_mut().put_back(batch);
                self.lose(Some(&error));
                false
            }
            Err(_) => {
                self.queue.borrow_mut().put_back(batch);
                // One that hangs is not waited for: what it may still do, counts once.
                self.link.borrow_mut().take();
                self.lose(None);
                false
            }
        }
    }

    fn confirmed(&self, batch: &[Entry], settled: &Settled) {
        for Entry { settlement, .. } in batch {
            self.shared.confirmed(settlement);
        }
        if settled.lost > 0 {
            tracing::warn!(
                target: "outlay",
                lost = settled.lost,
                "what was spent could not be written to Redis: a key of a budget holds something else"
            );
        }
        if settled.expired > 0 {
            tracing::warn!(
                target: "outlay",
                expired = settled.expired,
                on_expiry = ?self.settings.on_expiry,
                "reservations of a process that has not been heard of have expired"
            );
        }
        for (place, hold, spent, reserved) in &settled.reached {
            let Some(Entry { settlement, .. }) = batch.get(*place) else { continue };
            let figures = link::figures(&settlement.ask, *hold, spent, reserved);
            if let (Some(told), Some(figures)) = (&settlement.on_soft_limit, figures) {
                // It is the application's code that is told.
                let _ = catch_unwind(AssertUnwindSafe(|| told.tell(figures)));
            }
        }
    }
}
