use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outlay_ledger::{BudgetStore, Held, Settlement, StoreAnswer, StoreAsk, StoreFuture};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::ConnectError;
use crate::connection::Target;
use crate::deadline::{Answer, Deadlines};
use crate::lease::{Heard, Lease};
use crate::queue::Entry;
use crate::settings::{Builder, WhenDown};
use crate::worker::{self, Command, Reply};

/// So long [`Builder::connect`] waits.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The budgets of a fleet, on Redis: give it to `Outlay::builder().budget_store(..)`. Cloning it is cheap and means the
/// same.
///
/// ```no_run
/// use std::time::Duration;
/// use outlay_redis::{RedisBudgets, WhenDown};
///
/// # async fn f() -> Result<(), outlay_redis::ConnectError> {
/// let budgets = RedisBudgets::builder("redis://127.0.0.1:6379")?
///     .namespace("production")
///     .time_limit(Duration::from_millis(20))
///     .when_down(WhenDown::Lease { percent: 5 })
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisBudgets {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the calls and the thread both know.
#[derive(Debug)]
pub(crate) struct Shared {
    when_down: WhenDown,
    lease: Lease,
    up: AtomicBool,
    /// Something was lost that no flush has told.
    pub(crate) has_lost: AtomicBool,
    /// Why Redis cannot be asked.
    why_down: Mutex<Option<String>>,
    /// Asks that have been sent, and of which nobody knows whether they have been reserved.
    unknown: Mutex<HashSet<u64>>,
    has_failed: AtomicBool,
    time_limit: Duration,
    pub(crate) deadlines: Deadlines,
}

impl RedisBudgets {
    /// The budgets on the Redis at that address (`redis://[user:password@]host[:port][/database]`), with default settings,
    /// once that has answered.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] where it does not, within 5 seconds, or the address is none.
    pub async fn connect(address: &str) -> Result<Self, ConnectError> {
        Self::builder(address)?.connect().await
    }

    /// Sets up the budgets on the Redis at that address.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] where the address is none.
    pub fn builder(address: &str) -> Result<Builder, ConnectError> {
        Target::one(address).map(Builder::new).map_err(|error| ConnectError::address(error, [address].into_iter()))
    }

    /// Sets up the budgets on a cluster, by the addresses of some of its nodes. One namespace is on one node of it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] where an address is none.
    #[cfg(feature = "cluster")]
    pub fn cluster<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Builder, ConnectError> {
        let addresses: Vec<A> = addresses.into_iter().collect();
        let target = Target::cluster(addresses.iter().map(AsRef::as_ref));
        target.map(Builder::new).map_err(|error| ConnectError::address(error, addresses.iter().map(AsRef::as_ref)))
    }

    pub(crate) fn start(settings: Builder) -> Result<Self, ConnectError> {
        let shared = Arc::new(Shared {
            when_down: settings.when_down,
            lease: Lease::new(settings.when_down),
            up: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
            why_down: Mutex::default(),
            unknown: Mutex::default(),
            has_failed: AtomicBool::new(false),
            time_limit: settings.time_limit,
            deadlines: Deadlines::default(),
        });
        let (commands, receiver) = mpsc::unbounded_channel();
        let watched = shared.clone();
        std::thread::Builder::new()
            .name("outlay-redis-time".into())
            .spawn(move || watched.deadlines.watch())
            .map_err(ConnectError::thread)?;
        let of_thread = shared.clone();
        // Of this start of this process: what another one has reserved is never taken for its own.
        let owner = Uuid::now_v7().simple().to_string();
        std::thread::Builder::new()
            .name("outlay-redis".into())
            .spawn(move || worker::run(settings, owner, of_thread, receiver))
            .map_err(|error| {
                shared.deadlines.end();
                ConnectError::thread(error)
            })?;
        Ok(Self { shared, commands })
    }

    pub(crate) async fn connected(self) -> Result<Self, ConnectError> {
        match self.written(CONNECT_LIMIT).await {
            true => Ok(self),
            false => Err(ConnectError::unreachable(self.shared.why_down())),
        }
    }

    /// Whether Redis is asked. While it is not, calls go by [`Builder::when_down`].
    pub fn is_up(&self) -> bool {
        self.shared.is_up()
    }

    /// Waits until all that has been spent is in the books of Redis: before a process ends. What is not written when it
    /// does expires, by [`Builder::on_expiry`]; what was let through unchecked and is not written is lost.
    ///
    /// Returns false if that takes longer than the limit, or if something was lost since the last call: a budget's key holds
    /// something else, too much waited, or Redis came back with older data.
    pub async fn flush(&self, limit: Duration) -> bool {
        self.written(limit).await && !self.shared.has_lost.swap(false, Ordering::Relaxed)
    }

    /// Waits until nothing is on its way to Redis.
    pub(crate) async fn written(&self, limit: Duration) -> bool {
        let (flushed, told) = oneshot::channel();
        let _ = self.commands.send(Command::Flush { limit, flushed });
        told.await.unwrap_or(false)
    }
}

impl BudgetStore for RedisBudgets {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        if !self.shared.is_up() {
            return Box::pin(std::future::ready(self.shared.lease.answer(ask)));
        }
        let (reply, replied) = oneshot::channel();
        self.shared.unknown().insert(ask.id());
        let answer = Answer::new(reply);
        self.shared.deadlines.add(&answer, self.shared.time_limit);
        let _ = self.commands.send(Command::Reserve { ask: ask.clone(), asked: Instant::now(), answer });
        Box::pin(async move {
            let reply = replied.await.unwrap_or(Reply::NotReserved);
            if !matches!(reply, Reply::Unknown) {
                self.shared.unknown().remove(&ask.id());
            }
            match reply {
                Reply::Answer(answer) => answer,
                Reply::NotReserved | Reply::Unknown => self.shared.lease.answer(ask),
            }
        })
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        self.shared.lease.answer(ask)
    }

    fn settle(&self, settlement: Settlement) {
        let may_come = self.shared.unknown().remove(&settlement.ask.id());
        if settlement.held == Held::Unchecked {
            self.shared.lease.settle(&settlement.ask, &settlement.spent);
        }
        let is_nothing = settlement.spent.iter().all(|spent| spent.units() == 0);
        // Of one whose answer nobody took in, it is not known whether it was reserved.
        if is_nothing && matches!(settlement.held, Held::Nothing | Held::Unchecked) && !may_come {
            return;
        }
        let _ = self.commands.send(Command::Settle(Entry::new(settlement, may_come)));
    }
}

impl Shared {
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(crate) fn went_down(&self, why: String) {
        if self.up.swap(false, Ordering::AcqRel) {
            tracing::warn!(
                target: "outlay",
                when_down = ?self.when_down,
                "Redis, which holds budgets, cannot be asked: {why}"
            );
        }
        *lock(&self.why_down) = Some(why);
    }

    pub(crate) fn came_up(&self) {
        if !self.up.swap(true, Ordering::AcqRel) && lock(&self.why_down).take().is_some() {
            tracing::info!(target: "outlay", "Redis is asked again, and has all that was spent meanwhile");
        }
    }

    /// Nobody asks any more.
    pub(crate) fn leave(&self) {
        self.up.store(false, Ordering::Release);
    }

    fn why_down(&self) -> String {
        lock(&self.why_down).clone().unwrap_or_else(|| "it did not answer in time".to_owned())
    }

    /// Said once: it would come with every call.
    pub(crate) fn say_failed(&self, error: &redis::RedisError) {
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "outlay", "Redis would not reserve for a call, which goes by when_down: {error}");
        }
    }

    /// How the ask's budgets stand, by the word of Redis.
    pub(crate) fn see(&self, ask: &StoreAsk, heard: impl IntoIterator<Item = Heard>) {
        self.lease.see(ask, heard);
    }

    /// Redis has it.
    pub(crate) fn confirmed(&self, settlement: &Settlement) {
        if settlement.held == Held::Unchecked {
            self.lease.release(&settlement.ask, &settlement.spent);
        }
    }

    fn unknown(&self) -> MutexGuard<'_, HashSet<u64>> {
        lock(&self.unknown)
    }
}

impl fmt::Debug for RedisBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBudgets").field("is_up", &self.is_up()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
