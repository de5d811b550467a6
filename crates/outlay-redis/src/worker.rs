//! The thread that talks to Redis: so that neither a runtime that is busy nor one that ends keeps it from being asked, or
//! from hearing that this process lives.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outlay_ledger::{Held, StoreAnswer, StoreAsk};
use redis::RedisResult;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::budgets::Shared;
use crate::connection::Connection;
use crate::deadline::Answer;
use crate::link::{self, Answered, Scripts, Settled};
use crate::queue::{Entry, Queue};
use crate::settings::Builder;
use crate::teller::Teller;

/// A batch and a new connection may take longer than a call waits: one that is merely slow is to be written too.
const PATIENCE: Duration = Duration::from_secs(1);
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// Between two tries to reach Redis: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// For so long what is left is written when nobody has the budgets any more.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// After so many answers in turn that are errors the connection is made anew.
const MAX_FAILURES: u32 = 3;

#[derive(Debug)]
pub(crate) enum Command {
    Reserve {
        ask: StoreAsk,
        asked: Instant,
        answer: Answer,
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

/// Returns a new random factor from 0.5 to 1.5.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    0.5 + f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

/// Runs a task that ends only by a panic, and starts it again a moment later. `running` holds the current run's handle.
async fn restart_on_panic<F: Future<Output = ()> + 'static>(
    task: impl Fn() -> F,
    has_ended: impl Fn(),
    running: &Cell<Option<AbortHandle>>,
) {
    loop {
        let started = tokio::task::spawn_local(task());
        running.set(Some(started.abort_handle()));
        let _ = started.await;
        has_ended();
        sleep(LAST_PAUSE).await;
    }
}

struct Worker {
    settings: Builder,
    shared: Arc<Shared>,
    scripts: Scripts,
    link: RefCell<Option<Connection>>,
    queue: RefCell<Queue>,
    /// Who waits until what was spent before is written.
    waiting: RefCell<Vec<Waiting>>,
    wake: Notify,
    /// When the last batch began that Redis has.
    last_sign: Cell<Option<Instant>>,
    /// The time of Redis, once that has been heard.
    clock: Cell<Option<(Instant, Duration)>>,
    teller: Teller,
    /// What has to be written before calls ask again; `None` until Redis answers.
    catches_up_to: Cell<Option<u64>>,
    /// There are reservations of others that have to expire.
    is_behind: Cell<bool>,
    failures: Cell<u32>,
    lost: Cell<u64>,
    /// The asks that have been sent, and of which Redis may hold a reservation that has not been settled.
    open: RefCell<HashSet<u64>>,
    /// The number of the last batch that is known to be written.
    written: Cell<u64>,
    /// Redis may hold reservations that are not open here: it came back with older data, or settlements were lost.
    needs_reconcile: Cell<bool>,
    /// What writes.
    writer: Cell<Option<AbortHandle>>,
}

/// Who waits until Redis has all settlements up to a number, and since when.
struct Waiting {
    number: u64,
    since: Instant,
    told: oneshot::Sender<()>,
}

/// However the thread ends, no call waits for it.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.went_down("the thread that talks to it has ended".to_owned());
        self.0.deadlines.end();
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
        waiting: RefCell::default(),
        wake: Notify::new(),
        last_sign: Cell::new(None),
        clock: Cell::new(None),
        teller: Teller::default(),
        catches_up_to: Cell::new(None),
        is_behind: Cell::new(false),
        failures: Cell::new(0),
        lost: Cell::new(0),
        open: RefCell::default(),
        written: Cell::new(0),
        needs_reconcile: Cell::new(false),
        writer: Cell::new(None),
    });
    LocalSet::new().block_on(&runtime, worker.serve(commands));
}

impl Worker {
    async fn serve(self: Rc<Self>, mut commands: mpsc::UnboundedReceiver<Command>) {
        let supervisor = tokio::task::spawn_local(self.clone().supervise());
        while let Some(command) = commands.recv().await {
            match command {
                Command::Reserve { ask, asked, answer } => {
                    let worker = self.clone();
                    tokio::task::spawn_local(async move {
                        answer.give(worker.reserve(&ask, asked).await);
                    });
                }
                Command::Settle(entry) => {
                    let hour = self.hour(entry.at);
                    let lost = self.queue.borrow_mut().push(entry, hour);
                    if !lost.is_empty() {
                        self.lose_settlement(&lost);
                    }
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
        supervisor.abort();
        if let Some(writer) = self.writer.take() {
            writer.abort();
        }
        self.shared.leave();
        let link = self.link.borrow().clone();
        if let Some(mut link) = link {
            let _ = timeout(PATIENCE, self.scripts.leave(&mut link)).await;
        }
    }

    /// Keeps the writer running for as long as somebody has the budgets: without it nothing would be written any more.
    async fn supervise(self: Rc<Self>) {
        let writer = || self.clone().write();
        let has_ended = || {
            tracing::error!(target: "outlay", "what writes to Redis has panicked: it is started again");
            self.link.borrow_mut().take();
            self.lose(None);
        };
        restart_on_panic(writer, has_ended, &self.writer).await;
    }

    /// Waits until what has been spent so far is written.
    async fn flush(&self, limit: Duration) -> bool {
        let (told, written) = oneshot::channel();
        let number = self.queue.borrow().last();
        self.waiting.borrow_mut().push(Waiting { number, since: Instant::now(), told });
        self.wake.notify_one();
        timeout(limit, written).await.is_ok_and(|told| told.is_ok())
    }

    fn tell_written(&self) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            return;
        }
        let (queue, is_up, last_sign) = (self.queue.borrow(), self.shared.is_up(), self.last_sign.get());
        // Redis has answered since, even if more slowly than a call would wait.
        let is_done = |waiting: &mut Waiting| {
            queue.is_written(waiting.number) && (is_up || last_sign.is_some_and(|sign| sign >= waiting.since))
        };
        for done in waiting.extract_if(.., is_done) {
            let _ = done.told.send(());
        }
    }

    async fn reserve(&self, ask: &StoreAsk, asked: Instant) -> Reply {
        let first = self.ask(ask, asked).await;
        let Reply::Answer(StoreAnswer::Refused(figures)) = &first else { return first };
        // It may be refused for what this process has settled already, and Redis does not know of yet.
        let budget = ask.holds().get(figures.hold).map(|hold| &hold.budget.key);
        if !budget.is_some_and(|budget| self.queue.borrow().holds_some_of(budget)) {
            return first;
        }
        let half_of_rest = self.settings.time_limit.saturating_sub(asked.elapsed()) / 2;
        if self.flush(half_of_rest).await { self.ask(ask, asked).await } else { first }
    }

    async fn ask(&self, ask: &StoreAsk, asked: Instant) -> Reply {
        let link = self.link.borrow().clone();
        let Some(mut link) = link.filter(|_| self.shared.is_up()) else { return Reply::NotReserved };
        let left = self.settings.time_limit.saturating_sub(asked.elapsed());
        self.open.borrow_mut().insert(ask.id());
        let reply = self.reply(ask, timeout(left, self.scripts.reserve(&mut link, ask)).await);
        if !matches!(reply, Reply::Answer(StoreAnswer::Admitted(_)) | Reply::Unknown) {
            self.open.borrow_mut().remove(&ask.id());
        }
        reply
    }

    fn reply(&self, ask: &StoreAsk, answered: Result<RedisResult<Option<Answered>>, Elapsed>) -> Reply {
        match answered {
            Ok(Ok(Some(Answered { answer, heard }))) => {
                self.shared.see(ask, heard);
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
            && (error.is_io_error() || error.is_connection_dropped() || link::is_of_node(error))
        {
            self.link.borrow_mut().take();
        }
        self.catches_up_to.set(None);
        self.shared.went_down(why.map_or_else(|| "it did not answer in time".to_owned(), ToString::to_string));
        self.wake.notify_one();
    }

    /// Writes what has been spent, and signs of life; while Redis is away, it is what finds it again.
    async fn write(self: Rc<Self>) {
        let beat = self.settings.expire_after / 4;
        let mut pause = FIRST_PAUSE;
        loop {
            self.tell_written();
            let is_due = self.is_behind.get()
                || self.needs_reconcile.get()
                || self.last_sign.get().is_none_or(|last| last.elapsed() >= beat);
            if self.queue.borrow().is_empty() && self.shared.is_up() && !is_due {
                let left = self.last_sign.get().map_or(beat, |last| beat.saturating_sub(last.elapsed()));
                let _ = timeout(left, self.wake.notified()).await;
                continue;
            }
            if self.write_batch().await && (self.shared.is_up() || !self.queue.borrow().is_empty()) {
                pause = FIRST_PAUSE;
                continue;
            }
            // A fleet does not come back all at once.
            sleep(pause.mul_f64(jitter())).await;
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
        let last = self.queue.borrow().last();
        // It stays as it is until it is confirmed; what is pushed meanwhile waits behind it.
        let batch = self.queue.borrow_mut().take_batch();
        let written = timeout(patience, self.scripts.settle(&mut link, &batch, self.written.get())).await;
        match written {
            Ok(Ok(settled)) => {
                self.queue.borrow_mut().confirm();
                self.written.set(self.written.get().max(batch.number));
                if settled.is_older {
                    self.note_rollback();
                }
                self.confirmed(&batch.entries, settled);
                self.last_sign.set(Some(began));
                self.failures.set(0);
                // Not until nothing waits: there would always be something under load.
                let caught_up = self.catches_up_to.get().unwrap_or(last);
                self.catches_up_to.set(Some(caught_up));
                if self.queue.borrow().is_written(caught_up) && began.elapsed() <= self.settings.time_limit {
                    self.shared.came_up();
                }
                if self.needs_reconcile.get() {
                    self.reconcile(&mut link).await;
                }
                true
            }
            Ok(Err(error)) => {
                self.lose(Some(&error));
                self.failures.set(self.failures.get() + 1);
                if self.failures.get().is_multiple_of(MAX_FAILURES) {
                    // Whatever is the matter: another connection may lead to a node that is well.
                    self.link.borrow_mut().take();
                }
                false
            }
            Err(_) => {
                // One that hangs is not waited for: what it may still do, counts once.
                self.link.borrow_mut().take();
                self.lose(None);
                false
            }
        }
    }

    /// Which hour it was then by the clock of Redis, if that has said so.
    fn hour(&self, at: Instant) -> Option<u64> {
        let (known, time) = self.clock.get()?;
        let time = match at.checked_duration_since(known) {
            Some(since) => time.saturating_add(since),
            None => time.saturating_sub(known.saturating_duration_since(at)),
        };
        Some(time.as_secs() / 3_600)
    }

    /// So much waits that nothing more can.
    fn lose_settlement(&self, lost: &[Entry]) {
        for Entry { settlement, .. } in lost {
            self.open.borrow_mut().remove(&settlement.ask.id());
            // What it had reserved there is not open any more.
            self.needs_reconcile.set(self.needs_reconcile.get() || settlement.held == Held::Reserved);
            // Redis will never confirm it: without this it would use up the lease for ever.
            self.shared.confirmed(settlement);
        }
        self.shared.has_lost.store(true, Ordering::Relaxed);
        if self.lost.replace(self.lost.get().saturating_add(1)) == 0 {
            tracing::warn!(
                target: "outlay",
                "more waits to be written to Redis than can wait: some of what was spent will be missing in its budgets"
            );
        }
    }

    /// Redis has forgotten batches: after a restore from a snapshot, or a replica's takeover.
    fn note_rollback(&self) {
        self.shared.has_lost.store(true, Ordering::Relaxed);
        if !self.needs_reconcile.replace(true) {
            tracing::warn!(
                target: "outlay",
                "Redis has come back with older data: what this process has spent since then is missing in its budgets"
            );
        }
    }

    /// Has Redis expire the reservations that are not open here.
    async fn reconcile(&self, link: &mut Connection) {
        let open: Vec<u64> = self.open.borrow().iter().copied().collect();
        // A settlement that is lost while Redis answers asks for it again.
        self.needs_reconcile.set(false);
        match timeout(PATIENCE, self.scripts.reconcile(link, open.into_iter(), self.written.get())).await {
            Ok(Ok((expired, more))) => {
                if more {
                    self.needs_reconcile.set(true);
                }
                if expired > 0 {
                    tracing::warn!(
                        target: "outlay",
                        expired,
                        on_expiry = ?self.settings.on_expiry,
                        "reservations of this process that are no longer open here have expired"
                    );
                }
            }
            Ok(Err(error)) if link::is_of_command(&error) => {
                tracing::warn!(target: "outlay", "settled reservations may stay in Redis until this process ends: {error}");
                let _ = timeout(PATIENCE, self.scripts.give_up_reconcile(link, self.written.get())).await;
            }
            Ok(Err(error)) => {
                self.needs_reconcile.set(true);
                self.lose(Some(&error));
            }
            Err(_) => {
                self.needs_reconcile.set(true);
                self.lose(None);
            }
        }
    }

    fn confirmed(&self, batch: &[Entry], settled: Settled) {
        let mut open = self.open.borrow_mut();
        for Entry { settlement, .. } in batch {
            self.shared.confirmed(settlement);
            open.remove(&settlement.ask.id());
        }
        drop(open);
        // After what has been counted meanwhile: it is in there.
        for (place, heard) in settled.heard {
            if let Some(Entry { settlement, .. }) = batch.get(place) {
                self.shared.see(&settlement.ask, [heard]);
            }
        }
        self.clock.set(Some((Instant::now(), settled.now)));
        self.is_behind.set(settled.more);
        let never_waited = self.lost.take();
        if never_waited > 0 {
            tracing::warn!(target: "outlay", lost = never_waited, "so many settlements were not written to Redis");
        }
        if settled.lost > 0 {
            self.shared.has_lost.store(true, Ordering::Relaxed);
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
                self.teller.tell(told, figures);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_writer_that_panics_is_started_again() {
        let (runs, ended, running) = (Rc::new(Cell::new(0)), Cell::new(0), Cell::new(None));
        let writer = || {
            let runs = runs.clone();
            async move {
                runs.set(runs.get() + 1);
                assert!(runs.get() > 2, "it panics twice");
                std::future::pending().await
            }
        };
        let supervised = async {
            let limit = LAST_PAUSE * 10;
            timeout(limit, restart_on_panic(writer, || ended.set(ended.get() + 1), &running)).await.unwrap_err();
            assert!(!running.take().unwrap().is_finished(), "the last one runs");
        };
        LocalSet::new().run_until(supervised).await;
        assert_eq!((runs.get(), ended.get()), (3, 2));
    }
}
