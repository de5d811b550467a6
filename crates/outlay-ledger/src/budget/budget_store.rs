//! The interface to a store that shares the budgets of rules between processes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::Period;
use crate::Amount;
use crate::callback::{Guarded, guarded};

/// A store for the budgets of [`BudgetRule`](crate::BudgetRule)s, so that all processes with the same store share them.
/// Without a store, each process keeps its own. Budgets of tasks, agents and steps, and rules that limit each call
/// separately, are always local to the process.
///
/// Each call is reserved once in all of its shared budgets ([`reserve`](Self::reserve)), and settled once, whatever its
/// outcome ([`settle`](Self::settle)). A store never fails: if its backend cannot be reached, it answers
/// [`Unchecked`](StoreAnswer::Unchecked) or [`Unavailable`](StoreAnswer::Unavailable), as it is configured.
pub trait BudgetStore: fmt::Debug + Send + Sync {
    /// Reserves a call in all of its shared budgets, or in none.
    ///
    /// It is awaited on the path of the call, so a store must have a timeout. If the future is dropped before it is
    /// ready, the request is settled as [`Held::Unknown`].
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a>;

    /// Answers without waiting, for a call that is about to be sent from code that cannot await.
    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer;

    /// Replaces the reservation by the spending. It returns at once; the amounts may be updated later.
    fn settle(&self, settlement: Settlement);

    /// Returns the last known spending of all processes on a budget in its current period, for metrics. It returns at
    /// once. Defaults to `None`, which means that it is not known.
    fn spent(&self, budget: &StoreBudget) -> Option<Amount> {
        let _ = budget;
        None
    }
}

/// The future that [`BudgetStore::reserve`] returns.
pub type StoreFuture<'a> = Pin<Box<dyn Future<Output = StoreAnswer> + Send + 'a>>;

/// The request of one call to a store. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreAsk {
    id: u64,
    holds: Arc<[StoreHold]>,
    asked_at: Instant,
}

/// The amount that a call reserves in one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreHold {
    /// The budget.
    pub budget: StoreBudget,
    /// The most that the call may cost, in the budget's unit. Zero for an allowed call without a price.
    pub amount: Amount,
}

/// The description of a budget for a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreBudget {
    /// The key: the same in every process with the same rule, and different for another unit or period. It may contain
    /// any characters and have any length.
    pub key: Arc<str>,
    /// The limit that this process has.
    pub limit: Amount,
    /// The period after which it starts at zero. The store decides which period a call counts in, by a clock that all
    /// processes share.
    pub period: Option<Period>,
    /// The amount from which the soft limit is reported.
    pub soft_from: Option<Amount>,
    /// Whether the budget only observes, and refuses nothing.
    pub observed: bool,
}

/// The answer of a store to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreAnswer {
    /// The call is reserved in all budgets. The observing budgets that would have refused it are listed.
    Admitted(Vec<StoreFigures>),
    /// The call does not fit. Nothing is reserved.
    Refused(StoreFigures),
    /// The amounts could not be read in time, and the store is set to let the call through. It is counted afterwards.
    Unchecked,
    /// The amounts could not be read in time, and the store is set to refuse the call. The index is that of the refusing
    /// budget in [`StoreAsk::holds`].
    Unavailable(usize),
}

/// The amounts of one budget of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a store fills it in")]
pub struct StoreFigures {
    /// The index of the budget in [`StoreAsk::holds`].
    pub hold: usize,
    /// The amount that is spent and settled.
    pub spent: Amount,
    /// The amount that open calls have reserved.
    pub reserved: Amount,
}

/// The state of a request when it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// The store was not asked: for an external charge, or a call that was made by other means.
    Nothing,
    /// The store was asked, but the answer was not awaited: the call may have been reserved, or may be later.
    Unknown,
    /// The call was reserved.
    Reserved,
    /// The call was let through unchecked.
    Unchecked,
}

/// The spending of a call. A request is settled once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settlement {
    /// The request.
    pub ask: StoreAsk,
    /// The state of the request.
    pub held: Held,
    /// The amounts spent, in the order of the holds.
    pub spent: Vec<Amount>,
    /// The function to call if a soft limit has just been reached.
    pub on_soft_limit: Option<OnSoftLimit>,
}

/// A function that receives the amounts of a budget when its soft limit has just been reached.
#[derive(Clone)]
pub struct OnSoftLimit(Arc<dyn Fn(StoreFigures) + Send + Sync>);

impl StoreAsk {
    /// Creates a request. `id` must be unique in this process.
    pub fn new(id: u64, holds: Vec<StoreHold>) -> Self {
        Self { id, holds: holds.into(), asked_at: Instant::now() }
    }

    /// Returns the id, which is unique in this process.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Returns when the request was made. The spending counts in the period of that time, even if it reaches the store
    /// later.
    pub const fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// Returns the requested amounts, innermost budget first. If several budgets refuse, the first is named.
    pub fn holds(&self) -> &[StoreHold] {
        &self.holds
    }
}

impl StoreHold {
    /// Creates a request for an amount in a budget.
    pub const fn new(budget: StoreBudget, amount: Amount) -> Self {
        Self { budget, amount }
    }
}

impl StoreBudget {
    /// Creates an enforced budget without a period or soft limit.
    pub const fn new(key: Arc<str>, limit: Amount) -> Self {
        Self { key, limit, period: None, soft_from: None, observed: false }
    }
}

impl Settlement {
    /// Creates a settlement without a soft-limit function.
    pub const fn new(ask: StoreAsk, held: Held, spent: Vec<Amount>) -> Self {
        Self { ask, held, spent, on_soft_limit: None }
    }
}

impl OnSoftLimit {
    /// Wraps a function.
    pub fn new(notify: impl Fn(StoreFigures) + Send + Sync + 'static) -> Self {
        Self(Arc::new(notify))
    }

    /// Calls the function. A panic in it is caught, since it may run the application's code.
    pub fn tell(&self, figures: StoreFigures) {
        let _ = guarded(|| (self.0)(figures));
    }
}

impl fmt::Debug for OnSoftLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnSoftLimit")
    }
}

/// If the store panics, the call proceeds and is counted as unchecked.
impl<T: BudgetStore> BudgetStore for Guarded<T> {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        match guarded(|| self.0.reserve(ask)) {
            Some(answer) => Box::pin(GuardedFuture(answer)),
            None => Box::pin(std::future::ready(StoreAnswer::Unchecked)),
        }
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        guarded(|| self.0.reserve_now(ask)).unwrap_or(StoreAnswer::Unchecked)
    }

    fn settle(&self, settlement: Settlement) {
        let _ = guarded(|| self.0.settle(settlement));
    }

    fn spent(&self, budget: &StoreBudget) -> Option<Amount> {
        guarded(|| self.0.spent(budget)).flatten()
    }
}

struct GuardedFuture<'a>(StoreFuture<'a>);

impl Future for GuardedFuture<'_> {
    type Output = StoreAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StoreAnswer> {
        guarded(|| self.0.as_mut().poll(cx)).unwrap_or(Poll::Ready(StoreAnswer::Unchecked))
    }
}
