use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outlay_ledger::{Amount, BudgetStore, Held, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreFuture};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::builder::Builder;
use crate::connect_error::ConnectError;
use crate::queue::Entry;
use crate::redis_connection::Target;
use crate::redis_reply::{Reply, ReplySender};
use crate::shared_state::SharedState;
use crate::worker::{self, Command};

/// How long [`Builder::connect`] waits for Redis.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Shared budgets on Redis, for `Outlay::builder().budget_store(..)`. Clones are cheap and share one connection.
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
    shared: Arc<SharedState>,
    commands: mpsc::UnboundedSender<Command>,
}

impl RedisBudgets {
    /// Connects to the Redis at an address (`redis://[user:password@]host[:port][/database]`), with default settings, and
    /// waits for its answer.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the address is invalid, or Redis does not answer within 5 seconds.
    pub async fn connect(address: &str) -> Result<Self, ConnectError> {
        Self::builder(address)?.connect().await
    }

    /// Returns a builder for budgets on the Redis at an address.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the address is invalid.
    pub fn builder(address: &str) -> Result<Builder, ConnectError> {
        Target::single(address)
            .map(Builder::new)
            .map_err(|error| ConnectError::invalid_address(error, [address].into_iter()))
    }

    /// Returns a builder for budgets on a cluster, given the addresses of some of its nodes. Each namespace is on one node.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if an address is invalid.
    #[cfg(feature = "cluster")]
    pub fn cluster<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Builder, ConnectError> {
        let addresses: Vec<A> = addresses.into_iter().collect();
        let target = Target::cluster(addresses.iter().map(AsRef::as_ref));
        target
            .map(Builder::new)
            .map_err(|error| ConnectError::invalid_address(error, addresses.iter().map(AsRef::as_ref)))
    }

    fn start(settings: Builder) -> Result<Self, ConnectError> {
        let shared = Arc::new(SharedState::new(settings.when_down, settings.time_limit, settings.forget_after));
        let (commands, receiver) = mpsc::unbounded_channel();
        let shared_with_timer = shared.clone();
        std::thread::Builder::new()
            .name("outlay-redis-time".into())
            .spawn(move || shared_with_timer.deadlines.run())
            .map_err(ConnectError::thread)?;
        let shared_with_worker = shared.clone();
        // Unique to this start of this process, so that it never takes another's reservations for its own.
        let owner = Uuid::now_v7().simple().to_string();
        std::thread::Builder::new()
            .name("outlay-redis".into())
            .spawn(move || worker::run(settings, owner, shared_with_worker, receiver))
            .map_err(|error| {
                shared.deadlines.close();
                ConnectError::thread(error)
            })?;
        Ok(Self { shared, commands })
    }

    /// Returns whether Redis is in use. While it is not, [`Builder::when_down`] applies to calls.
    pub fn is_up(&self) -> bool {
        self.shared.is_up()
    }

    /// Waits until all spending so far is written to Redis. Call it before the process ends: reservations that are not
    /// settled in Redis by then expire according to [`Builder::on_expiry`], and unchecked spending that is not written is
    /// lost.
    ///
    /// Returns `false` if writing takes longer than `limit`, or if data was lost since the last call: because a budget's
    /// key holds other data, too many settlements were queued, or Redis came back with older data.
    pub async fn flush(&self, limit: Duration) -> bool {
        self.flush_queue(limit).await && !self.shared.has_lost.swap(false, Ordering::Relaxed)
    }

    /// Returns whether the queue was written to Redis within `limit`.
    async fn flush_queue(&self, limit: Duration) -> bool {
        let (sender, flushed) = oneshot::channel();
        let _ = self.commands.send(Command::Flush { limit, flushed: sender });
        flushed.await.unwrap_or(false)
    }
}

impl Builder {
    /// Connects to Redis, and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if Redis does not answer within 5 seconds.
    pub async fn connect(self) -> Result<RedisBudgets, ConnectError> {
        let budgets = RedisBudgets::start(self)?;
        match budgets.flush_queue(CONNECT_LIMIT).await {
            true => Ok(budgets),
            false => Err(ConnectError::unreachable(budgets.shared.down_reason())),
        }
    }

    /// Connects to Redis in the background, so that the application can start without it. Until Redis answers,
    /// [`when_down`](Self::when_down) applies to calls.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if a thread cannot be started.
    pub fn connect_lazily(self) -> Result<RedisBudgets, ConnectError> {
        RedisBudgets::start(self)
    }
}

impl BudgetStore for RedisBudgets {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        if !self.shared.is_up() {
            return Box::pin(std::future::ready(self.shared.lease.answer(ask)));
        }
        let (sender, receiver) = oneshot::channel();
        self.shared.unknown().insert(ask.id());
        let reply = ReplySender::new(sender);
        self.shared.deadlines.add(&reply, self.shared.time_limit);
        let _ = self.commands.send(Command::Reserve { ask: ask.clone(), asked_at: Instant::now(), reply });
        Box::pin(async move {
            let reply = receiver.await.unwrap_or(Reply::NotReserved);
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
        let may_be_reserved = self.shared.unknown().remove(&settlement.ask.id());
        if settlement.held == Held::Unchecked {
            self.shared.lease.settle(&settlement.ask, &settlement.spent);
        }
        let is_zero = settlement.spent.iter().all(|spent| spent.units() == 0);
        // An ask whose answer was not received may have been reserved.
        if is_zero && matches!(settlement.held, Held::Nothing | Held::Unchecked) && !may_be_reserved {
            return;
        }
        let _ = self.commands.send(Command::Settle(Entry::new(settlement, may_be_reserved)));
    }

    fn spent(&self, budget: &StoreBudget) -> Option<Amount> {
        self.shared.spending.of(budget)
    }
}

impl fmt::Debug for RedisBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBudgets").field("is_up", &self.is_up()).finish_non_exhaustive()
    }
}
