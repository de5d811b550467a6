//! What holds the budgets of rules for several processes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::Period;
use crate::Amount;
use crate::callback::{Guarded, guarded};

/// Holds the budgets that [`BudgetRule`](crate::BudgetRule)s make, so that all processes that are given the same store
/// spend of the same ones. Without one they are held in the process. Those of tasks, agents and steps, and rules that
/// hold each call by itself, are the process's own in any case.
///
/// A call is asked for once, with all of its shared budgets ([`reserve`](Self::reserve)), and settled once, whatever
/// becomes of it ([`settle`](Self::settle)). A store never fails: where it cannot ask whoever holds the figures, it
/// answers by a rule of its own, [`Unchecked`](StoreAnswer::Unchecked) or [`Unavailable`](StoreAnswer::Unavailable).
pub trait BudgetStore: fmt::Debug + Send + Sync {
    /// Reserves for a call in all of its shared budgets, or in none.
    ///
    /// It is awaited on the path of the call: a store has a limit of time. Where the future is dropped before it is ready,
    /// the ask is settled as [`Held::Unknown`].
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a>;

    /// Answers without waiting, for a call that is about to be sent from where nothing can be awaited.
    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer;

    /// Replaces what was reserved by what was spent. It returns at once; the figures may follow.
    fn settle(&self, settlement: Settlement);
}

/// What [`BudgetStore::reserve`] returns.
pub type StoreFuture<'a> = Pin<Box<dyn Future<Output = StoreAnswer> + Send + 'a>>;

/// What one call asks of a store. Cloning it is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreAsk {
    id: u64,
    holds: Arc<[StoreHold]>,
    asked_at: Instant,
}

/// The most that a call may come to, in one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreHold {
    /// The budget.
    pub budget: StoreBudget,
    /// The most that the call may come to, in what the budget counts. Zero for a call without a price that is let through.
    pub amount: Amount,
}

/// A budget, as a store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreBudget {
    /// What it goes by: the same in every process that has the same rule, and another for one that counts something else or
    /// over another period. It may hold any characters, and be of any length.
    pub key: Arc<str>,
    /// The limit, as this process knows it.
    pub limit: Amount,
    /// After which it begins anew. Which period a call counts in is the store's to say, by a clock that all processes share.
    pub period: Option<Period>,
    /// From when on its soft limit is told.
    pub soft_from: Option<Amount>,
    /// Whether it refuses nothing.
    pub observed: bool,
}

/// What a store says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreAnswer {
    /// It is reserved in all budgets. Those that only observe, and would have refused it, are listed.
    Admitted(Vec<StoreFigures>),
    /// It does not fit: nothing is reserved.
    Refused(StoreFigures),
    /// The figures could not be had in time, and the store's rule lets the call go on; it is counted afterwards.
    Unchecked,
    /// The figures could not be had in time, and the store's rule is to refuse the call, for the budget of that hold of the
    /// ask.
    Unavailable(usize),
}

/// How a budget of an ask stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a store fills it in")]
pub struct StoreFigures {
    /// Which of the ask's holds it is of.
    pub hold: usize,
    /// What is spent and settled.
    pub spent: Amount,
    /// What open calls have reserved.
    pub reserved: Amount,
}

/// What became of an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// The store was not asked: an external charge, or a call that had been made by other means.
    Nothing,
    /// It was asked, and nobody waited for the answer: it may have been reserved, or may yet be.
    Unknown,
    /// It was reserved.
    Reserved,
    /// It was let through unchecked.
    Unchecked,
}

/// What a call came to. An ask is settled once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settlement {
    /// What was asked.
    pub ask: StoreAsk,
    /// What became of that.
    pub held: Held,
    /// What was spent, in the order of the holds.
    pub spent: Vec<Amount>,
    /// Told where a soft limit has just been reached.
    pub on_soft_limit: Option<OnSoftLimit>,
}

/// Told how a budget stands whose soft limit has just been reached.
#[derive(Clone)]
pub struct OnSoftLimit(Arc<dyn Fn(StoreFigures) + Send + Sync>);

impl StoreAsk {
    /// An ask of that number, which no other of this process has.
    pub fn new(id: u64, holds: Vec<StoreHold>) -> Self {
        Self { id, holds: holds.into(), asked_at: Instant::now() }
    }

    /// Which of this process's asks it is.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// When it was made: what it comes to counts in the period of then, wherever a store hears of it only later.
    pub const fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// The budgets that are asked, the innermost first: of several that refuse, the first is named.
    pub fn holds(&self) -> &[StoreHold] {
        &self.holds
    }
}

impl StoreHold {
    /// So much in that budget.
    pub const fn new(budget: StoreBudget, amount: Amount) -> Self {
        Self { budget, amount }
    }
}

impl StoreBudget {
    /// A budget that goes by `key`, of this limit: without a period, and with no soft limit.
    pub const fn new(key: Arc<str>, limit: Amount) -> Self {
        Self { key, limit, period: None, soft_from: None, observed: false }
    }
}

impl Settlement {
    /// An ask that came to so much.
    pub const fn new(ask: StoreAsk, held: Held, spent: Vec<Amount>) -> Self {
        Self { ask, held, spent, on_soft_limit: None }
    }
}

impl OnSoftLimit {
    /// Calls that.
    pub fn new(tell: impl Fn(StoreFigures) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells it. What is told may be the application's code, and never panics here.
    pub fn tell(&self, figures: StoreFigures) {
        let _ = guarded(|| (self.0)(figures));
    }
}

impl fmt::Debug for OnSoftLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnSoftLimit")
    }
}

/// A store that panics has not been asked: the call goes on, and is counted as unchecked.
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
}

struct GuardedFuture<'a>(StoreFuture<'a>);

impl Future for GuardedFuture<'_> {
    type Output = StoreAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StoreAnswer> {
        guarded(|| self.0.as_mut().poll(cx)).unwrap_or(Poll::Ready(StoreAnswer::Unchecked))
    }
}
