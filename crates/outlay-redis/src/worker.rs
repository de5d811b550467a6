//! The thread that talks to Redis. It is independent of the application's runtime, so a runtime that is busy or shutting
//! down delays neither requests nor heartbeats.

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

use crate::builder::Builder;
use crate::queue::{Entry, Queue};
use crate::redis_connection::Connection;
use crate::redis_reply::{Reply, ReplySender};
use crate::scripts::{self, ReserveResult, Scripts, SettleResult};
use crate::shared_state::SharedState;
use crate::soft_limit_notifier::SoftLimitNotifier;

/// The time limits of a batch and of a new connection. They are longer than a call waits, so that a slow Redis still
/// receives what was spent.
const BATCH_LIMIT: Duration = Duration::from_secs(1);
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// The minimum and maximum pause between two attempts to reach Redis.
const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(500);
/// How long the queue is written after the last `RedisBudgets` is dropped.
const FINAL_FLUSH: Duration = Duration::from_secs(1);
/// The number of consecutive error replies after which the connection is replaced.
const MAX_FAILURES: u32 = 3;

#[derive(Debug)]
pub(crate) enum Command {
    Reserve {
        ask: StoreAsk,
        asked_at: Instant,
        reply: ReplySender,
    },
    Settle(Entry),
    /// Writes the queue. Sends whether it was written within the limit.
    Flush {
        limit: Duration,
        flushed: oneshot::Sender<bool>,
    },
}

/// Returns a new random factor from 0.5 to 1.5.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    0.5 + f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

/// Runs a task that ends only by a panic, and restarts it after a pause. `running` holds the handle of the current run.
async fn restart_on_panic<F: Future<Output = ()> + 'static>(
    task: impl Fn() -> F,
    on_panic: impl Fn(),
    running: &Cell<Option<AbortHandle>>,
) {
    loop {
        let started = tokio::task::spawn_local(task());
        running.set(Some(started.abort_handle()));
        let _ = started.await;
        on_panic();
        sleep(MAX_PAUSE).await;
    }
}

struct Worker {
    settings: Builder,
    shared: Arc<SharedState>,
    scripts: Scripts,
    connection: RefCell<Option<Connection>>,
    queue: RefCell<Queue>,
    /// The flushes that wait for earlier settlements to be written.
    flushes: RefCell<Vec<PendingFlush>>,
    wake: Notify,
    /// When the last batch was sent that Redis has confirmed.
    last_heartbeat: Cell<Option<Instant>>,
    /// When Redis last reported its time, and that time; `None` until the first report.
    clock: Cell<Option<(Instant, Duration)>>,
    soft_limits: SoftLimitNotifier,
    /// The settlement up to which the queue must be written before calls ask Redis again; `None` until Redis answers.
    catch_up_to: Cell<Option<u64>>,
    /// Whether reservations of other processes are due to expire.
    has_expirable: Cell<bool>,
    failures: Cell<u32>,
    lost: Cell<u64>,
    /// The asks that were sent, and for which Redis may hold an unsettled reservation.
    open: RefCell<HashSet<u64>>,
    /// The number of the last batch that is known to be written.
    written: Cell<u64>,
    /// Whether Redis may hold reservations that are not open here, because it came back with older data or settlements were
    /// lost.
    needs_reconcile: Cell<bool>,
    /// The handle of the task that writes.
    writer: Cell<Option<AbortHandle>>,
}

/// A flush that waits until Redis has all settlements up to a number.
struct PendingFlush {
    number: u64,
    since: Instant,
    written: oneshot::Sender<()>,
}

/// Releases waiting calls when the thread ends, even by a panic.
struct EndGuard(Arc<SharedState>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.mark_down("the thread that talks to Redis has ended".to_owned());
        self.0.deadlines.close();
    }
}

/// Runs until all senders of commands are dropped.
pub(crate) fn run(
    settings: Builder,
    owner: String,
    shared: Arc<SharedState>,
    commands: mpsc::UnboundedReceiver<Command>,
) {
    let _guard = EndGuard(shared.clone());
    // A current-thread runtime fails to start if the process is out of file descriptors. `when_down` then applies to calls.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let worker = Rc::new(Worker {
        scripts: Scripts::new(&settings, owner),
        settings,
        shared,
        connection: RefCell::default(),
        queue: RefCell::default(),
        flushes: RefCell::default(),
        wake: Notify::new(),
        last_heartbeat: Cell::new(None),
        clock: Cell::new(None),
        soft_limits: SoftLimitNotifier::default(),
        catch_up_to: Cell::new(None),
        has_expirable: Cell::new(false),
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
                Command::Reserve { ask, asked_at, reply } => {
                    let worker = self.clone();
                    tokio::task::spawn_local(async move {
                        reply.send(worker.reserve(&ask, asked_at).await);
                    });
                }
                Command::Settle(entry) => {
                    let hour = self.hour(entry.at);
                    let lost = self.queue.borrow_mut().push(entry, hour);
                    if !lost.is_empty() {
                        self.drop_entries(&lost);
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
        self.flush(FINAL_FLUSH).await;
        supervisor.abort();
        if let Some(writer) = self.writer.take() {
            writer.abort();
        }
        self.shared.close();
        let connection = self.connection.borrow().clone();
        if let Some(mut connection) = connection {
            let _ = timeout(BATCH_LIMIT, self.scripts.deregister(&mut connection)).await;
        }
    }

    /// Keeps the writer running until the worker ends. Without it, nothing would be written.
    async fn supervise(self: Rc<Self>) {
        let writer = || self.clone().write();
        let on_panic = || {
            tracing::error!(target: "outlay", "the task that writes to Redis has panicked and is restarted");
            self.connection.borrow_mut().take();
            self.mark_down(None);
        };
        restart_on_panic(writer, on_panic, &self.writer).await;
    }

    /// Waits until all settlements so far are written. Returns whether they are, within `limit`.
    async fn flush(&self, limit: Duration) -> bool {
        let (sender, written) = oneshot::channel();
        let number = self.queue.borrow().last();
        self.flushes.borrow_mut().push(PendingFlush { number, since: Instant::now(), written: sender });
        self.wake.notify_one();
        timeout(limit, written).await.is_ok_and(|written| written.is_ok())
    }

    fn complete_flushes(&self) {
        let mut flushes = self.flushes.borrow_mut();
        if flushes.is_empty() {
            return;
        }
        let (queue, is_up, last_heartbeat) = (self.queue.borrow(), self.shared.is_up(), self.last_heartbeat.get());
        // It is enough that Redis has answered since, even if more slowly than a call would wait.
        let is_done = |flush: &mut PendingFlush| {
            queue.is_written(flush.number) && (is_up || last_heartbeat.is_some_and(|sent| sent >= flush.since))
        };
        for done in flushes.extract_if(.., is_done) {
            let _ = done.written.send(());
        }
    }

    async fn reserve(&self, ask: &StoreAsk, asked_at: Instant) -> Reply {
        let first = self.ask(ask, asked_at).await;
        let Reply::Answer(StoreAnswer::Refused(figures)) = &first else { return first };
        // The reason may be reservations that this process has settled, but that are still in the queue.
        let budget = ask.holds().get(figures.hold).map(|hold| &hold.budget.key);
        if !budget.is_some_and(|budget| self.queue.borrow().contains_budget(budget)) {
            return first;
        }
        let half_of_rest = self.settings.time_limit.saturating_sub(asked_at.elapsed()) / 2;
        if self.flush(half_of_rest).await { self.ask(ask, asked_at).await } else { first }
    }

    async fn ask(&self, ask: &StoreAsk, asked_at: Instant) -> Reply {
        let connection = self.connection.borrow().clone();
        let Some(mut connection) = connection.filter(|_| self.shared.is_up()) else { return Reply::NotReserved };
        let left = self.settings.time_limit.saturating_sub(asked_at.elapsed());
        self.open.borrow_mut().insert(ask.id());
        let reply = self.reply(ask, timeout(left, self.scripts.reserve(&mut connection, ask)).await);
        if !matches!(reply, Reply::Answer(StoreAnswer::Admitted(_)) | Reply::Unknown) {
            self.open.borrow_mut().remove(&ask.id());
        }
        reply
    }

    fn reply(&self, ask: &StoreAsk, result: Result<RedisResult<Option<ReserveResult>>, Elapsed>) -> Reply {
        match result {
            Ok(Ok(Some(ReserveResult { answer, usage }))) => {
                self.shared.update_usage(ask, &usage);
                Reply::Answer(answer)
            }
            Ok(Ok(None)) => Reply::NotReserved,
            Ok(Err(error)) if scripts::is_command_error(&error) => {
                self.shared.log_rejection(&error);
                Reply::NotReserved
            }
            Ok(Err(error)) => {
                self.mark_down(Some(&error));
                Reply::Unknown
            }
            Err(_) => {
                self.mark_down(None);
                Reply::Unknown
            }
        }
    }

    /// Marks Redis as down after an error, or a timeout if there is none. Calls do not wait for it until it is back.
    fn mark_down(&self, error: Option<&redis::RedisError>) {
        if let Some(error) = error
            && (error.is_io_error() || error.is_connection_dropped() || scripts::is_node_error(error))
        {
            self.connection.borrow_mut().take();
        }
        self.catch_up_to.set(None);
        self.shared.mark_down(error.map_or_else(|| "it did not answer in time".to_owned(), ToString::to_string));
        self.wake.notify_one();
    }

    /// Writes settlements and heartbeats. While Redis is down, it reconnects.
    async fn write(self: Rc<Self>) {
        let interval = self.settings.expire_after / 4;
        let mut pause = MIN_PAUSE;
        loop {
            self.complete_flushes();
            let is_due = self.has_expirable.get()
                || self.needs_reconcile.get()
                || self.last_heartbeat.get().is_none_or(|last| last.elapsed() >= interval);
            if self.queue.borrow().is_empty() && self.shared.is_up() && !is_due {
                let left = self.last_heartbeat.get().map_or(interval, |last| interval.saturating_sub(last.elapsed()));
                let _ = timeout(left, self.wake.notified()).await;
                continue;
            }
            if self.write_batch().await && (self.shared.is_up() || !self.queue.borrow().is_empty()) {
                pause = MIN_PAUSE;
                continue;
            }
            // Jitter, so that the processes of a fleet do not all reconnect at once.
            sleep(pause.mul_f64(jitter())).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Sends a batch. Returns whether Redis has confirmed it.
    async fn write_batch(&self) -> bool {
        let limit = BATCH_LIMIT.max(self.settings.time_limit);
        let connection = self.connection.borrow().clone();
        let mut connection = match connection {
            Some(connection) => connection,
            None => match timeout(CONNECT_LIMIT, self.scripts.connect(&self.settings.target, CONNECT_LIMIT)).await {
                Ok(Ok(connection)) => self.connection.borrow_mut().insert(connection).clone(),
                Ok(Err(error)) => {
                    self.mark_down(Some(&error));
                    return false;
                }
                Err(_) => {
                    self.mark_down(None);
                    return false;
                }
            },
        };
        let sent_at = Instant::now();
        let last = self.queue.borrow().last();
        // The batch stays the same until it is confirmed. Later entries wait behind it.
        let batch = self.queue.borrow_mut().take_batch();
        let result = timeout(limit, self.scripts.settle(&mut connection, &batch, self.written.get())).await;
        match result {
            Ok(Ok(settled)) => {
                self.queue.borrow_mut().confirm();
                self.written.set(self.written.get().max(batch.number));
                if settled.is_older {
                    self.handle_rollback();
                }
                self.confirm(&batch.entries, settled);
                self.last_heartbeat.set(Some(sent_at));
                self.failures.set(0);
                // Does not wait for an empty queue: under load it would never be empty.
                let catch_up_to = self.catch_up_to.get().unwrap_or(last);
                self.catch_up_to.set(Some(catch_up_to));
                if self.queue.borrow().is_written(catch_up_to) && sent_at.elapsed() <= self.settings.time_limit {
                    self.shared.mark_up();
                }
                if self.needs_reconcile.get() {
                    self.reconcile(&mut connection).await;
                }
                true
            }
            Ok(Err(error)) => {
                self.mark_down(Some(&error));
                self.failures.set(self.failures.get() + 1);
                if self.failures.get().is_multiple_of(MAX_FAILURES) {
                    // A new connection may reach a healthy node.
                    self.connection.borrow_mut().take();
                }
                false
            }
            Err(_) => {
                // Redis may still execute the batch on the old connection. It counts once.
                self.connection.borrow_mut().take();
                self.mark_down(None);
                false
            }
        }
    }

    /// Returns the hour of `at` by the clock of Redis, or `None` if Redis has not reported its time yet.
    fn hour(&self, at: Instant) -> Option<u64> {
        let (reported_at, time) = self.clock.get()?;
        let time = match at.checked_duration_since(reported_at) {
            Some(since) => time.saturating_add(since),
            None => time.saturating_sub(reported_at.saturating_duration_since(at)),
        };
        Some(time.as_secs() / 3_600)
    }

    /// Drops entries for which the queue has no room.
    fn drop_entries(&self, lost: &[Entry]) {
        for Entry { settlement, .. } in lost {
            self.open.borrow_mut().remove(&settlement.ask.id());
            // Its reservation in Redis is no longer open.
            self.needs_reconcile.set(self.needs_reconcile.get() || settlement.held == Held::Reserved);
            // Redis will never confirm it, so it would use up the lease forever.
            self.shared.confirm(settlement);
        }
        self.shared.has_lost.store(true, Ordering::Relaxed);
        if self.lost.replace(self.lost.get().saturating_add(1)) == 0 {
            tracing::warn!(
                target: "outlay",
                "the queue for Redis is full: its budgets will miss some spending"
            );
        }
    }

    /// Handles the loss of batches in Redis, after a restore from a snapshot or the promotion of a replica.
    fn handle_rollback(&self) {
        self.shared.has_lost.store(true, Ordering::Relaxed);
        if !self.needs_reconcile.replace(true) {
            tracing::warn!(
                target: "outlay",
                "Redis has come back with older data: its budgets miss what this process has spent since"
            );
        }
    }

    /// Expires the reservations of this process in Redis that are not open here.
    async fn reconcile(&self, connection: &mut Connection) {
        let open: Vec<u64> = self.open.borrow().iter().copied().collect();
        // Cleared first, because a settlement that is lost while Redis answers sets it again.
        self.needs_reconcile.set(false);
        match timeout(BATCH_LIMIT, self.scripts.reconcile(connection, open.into_iter(), self.written.get())).await {
            Ok(Ok((expired, has_more))) => {
                if has_more {
                    self.needs_reconcile.set(true);
                }
                if expired > 0 {
                    tracing::warn!(
                        target: "outlay",
                        expired,
                        on_expiry = ?self.settings.on_expiry,
                        "reservations of this process that were no longer open have expired"
                    );
                }
            }
            Ok(Err(error)) if scripts::is_command_error(&error) => {
                tracing::warn!(
                    target: "outlay",
                    "settled reservations may stay in Redis until this process ends: {error}"
                );
                let _ = timeout(BATCH_LIMIT, self.scripts.abandon_reconcile(connection, self.written.get())).await;
            }
            Ok(Err(error)) => {
                self.needs_reconcile.set(true);
                self.mark_down(Some(&error));
            }
            Err(_) => {
                self.needs_reconcile.set(true);
                self.mark_down(None);
            }
        }
    }

    /// Processes the answer to a batch.
    fn confirm(&self, batch: &[Entry], settled: SettleResult) {
        let mut open = self.open.borrow_mut();
        for Entry { settlement, .. } in batch {
            self.shared.confirm(settlement);
            open.remove(&settlement.ask.id());
        }
        drop(open);
        // After the confirmations above, because the reported usage includes them.
        for (entry, usage) in settled.usage {
            if let Some(Entry { settlement, .. }) = batch.get(entry) {
                self.shared.update_usage(&settlement.ask, &[usage]);
            }
        }
        self.clock.set(Some((Instant::now(), settled.now)));
        self.has_expirable.set(settled.has_more);
        let dropped = self.lost.take();
        if dropped > 0 {
            tracing::warn!(target: "outlay", lost = dropped, "settlements were dropped and are missing in Redis");
        }
        if settled.lost > 0 {
            self.shared.has_lost.store(true, Ordering::Relaxed);
            tracing::warn!(
                target: "outlay",
                lost = settled.lost,
                "spending could not be written to Redis: the key of a budget holds other data"
            );
        }
        if settled.expired > 0 {
            tracing::warn!(
                target: "outlay",
                expired = settled.expired,
                on_expiry = ?self.settings.on_expiry,
                "reservations of a process without a heartbeat have expired"
            );
        }
        for (entry, hold, spent, reserved) in &settled.reached {
            let Some(Entry { settlement, .. }) = batch.get(*entry) else { continue };
            let figures = scripts::figures(&settlement.ask, *hold, spent, reserved);
            if let (Some(handler), Some(figures)) = (&settlement.on_soft_limit, figures) {
                self.soft_limits.notify(handler, figures);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_writer_that_panics_is_restarted() {
        let (runs, panics, running) = (Rc::new(Cell::new(0)), Cell::new(0), Cell::new(None));
        let writer = || {
            let runs = runs.clone();
            async move {
                runs.set(runs.get() + 1);
                assert!(runs.get() > 2, "panics twice");
                std::future::pending().await
            }
        };
        let supervised = async {
            let limit = MAX_PAUSE * 10;
            timeout(limit, restart_on_panic(writer, || panics.set(panics.get() + 1), &running)).await.unwrap_err();
            assert!(!running.take().unwrap().is_finished(), "the last run continues");
        };
        LocalSet::new().run_until(supervised).await;
        assert_eq!((runs.get(), panics.get()), (3, 2));
    }
}
