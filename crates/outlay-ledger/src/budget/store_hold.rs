//! What a call asks of the budgets that a store holds for several processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::budget_cell::{BudgetCell, Refused};
use super::{BudgetExceeded, BudgetStatus, RefusalReason};
use crate::alert::{Alert, Observer};
use crate::budget::budget_store::{
    BudgetStore, Held, OnSoftLimit, Settlement, StoreAnswer, StoreAsk, StoreFigures, StoreHold,
};
use crate::money::Spent;
use crate::{AlertKind, Amount, TaskFacts};

/// A budget that is to be asked for a call.
#[derive(Debug)]
pub(crate) struct SharedCell {
    pub(super) cell: Arc<BudgetCell>,
    pub(super) hold: StoreHold,
    pub(super) assumed_output: Option<u64>,
}

/// One call's part in the budgets of a store. Dropped, it gives all back.
#[derive(Debug)]
pub(crate) struct SharedHold {
    store: Arc<dyn BudgetStore>,
    cells: Vec<SharedCell>,
    ask: StoreAsk,
    held: Held,
    check: Option<StoreCheck>,
    is_settled: bool,
}

/// Whether a call that the budgets of a store hold has been checked there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreCheck {
    /// The store has answered.
    Done,
    /// The store could not be asked in time: the call was made, or refused, by the store's rule for that.
    Missed,
}

impl SharedCell {
    /// Returns what is to be counted in the budget that nothing was reserved for, if a store holds it.
    pub(crate) fn unreserved(cell: &Arc<BudgetCell>) -> Option<Self> {
        Some(Self::new(cell, cell.unreserved()?, None))
    }

    #[cold]
    pub(super) fn new(cell: &Arc<BudgetCell>, hold: StoreHold, assumed_output: Option<u64>) -> Self {
        Self { cell: cell.clone(), hold, assumed_output }
    }
}

impl SharedHold {
    pub(crate) fn new(store: Arc<dyn BudgetStore>, cells: Vec<SharedCell>) -> Self {
        let ask = ask(&cells);
        Self { store, cells, ask, held: Held::Nothing, check: None, is_settled: false }
    }

    /// What to ask, unless there is an answer. A question that nobody waited for is taken back.
    pub(crate) fn ask(&mut self) -> Option<(Arc<dyn BudgetStore>, StoreAsk)> {
        match self.held {
            Held::Reserved | Held::Unchecked => return None,
            Held::Nothing => {}
            Held::Unknown => {
                self.put(&Spent::default(), None);
                self.ask = ask(&self.cells);
            }
        }
        self.held = Held::Unknown;
        Some((self.store.clone(), self.ask.clone()))
    }

    /// The store's answer where nothing can be awaited; `None` where there is one.
    pub(crate) fn ask_now(&mut self) -> Option<StoreAnswer> {
        let (store, ask) = self.ask()?;
        Some(store.reserve_now(&ask))
    }

    /// Takes an answer in. What observing budgets would have refused goes to `observed`.
    pub(crate) fn answered(
        &mut self,
        model: &Arc<str>,
        answer: &StoreAnswer,
        now: SystemTime,
        observed: &mut Vec<Refused>,
    ) -> Result<(), Refused> {
        self.check = Some(match answer {
            StoreAnswer::Admitted(_) | StoreAnswer::Refused(_) => StoreCheck::Done,
            StoreAnswer::Unchecked | StoreAnswer::Unavailable(_) => StoreCheck::Missed,
        });
        match answer {
            StoreAnswer::Admitted(would_refuse) => {
                self.held = Held::Reserved;
                observed.extend(would_refuse.iter().filter_map(|figures| self.refusal(model, *figures, now)));
                Ok(())
            }
            StoreAnswer::Unchecked => {
                self.held = Held::Unchecked;
                Ok(())
            }
            StoreAnswer::Refused(figures) => {
                self.held = Held::Nothing;
                self.refusal(model, *figures, now).map_or(Ok(()), Err)
            }
            StoreAnswer::Unavailable(hold) => {
                // It may have been reserved all the same: the answer alone is missing.
                self.put(&Spent::default(), None);
                self.held = Held::Nothing;
                let Some(SharedCell { cell, .. }) = self.cells.get(*hold).or(self.cells.first()) else { return Ok(()) };
                let reason = RefusalReason::StoreUnavailable;
                Err((cell.clone(), BudgetExceeded::new(cell.name.clone(), model.clone(), cell.status(), reason)))
            }
        }
    }

    fn refusal(&self, model: &Arc<str>, figures: StoreFigures, now: SystemTime) -> Option<Refused> {
        let SharedCell { cell, hold, assumed_output } = self.cells.get(figures.hold).or(self.cells.first())?;
        let (status, reserve) = cell.see(figures.spent, figures.reserved, now);
        let reason = RefusalReason::OverLimit { bound: hold.amount, assumed_output: *assumed_output };
        let why = BudgetExceeded::new(cell.name.clone(), model.clone(), status, reason).reserving(reserve);
        Some((cell.clone(), why))
    }

    pub(crate) const fn check(&self) -> Option<StoreCheck> {
        self.check
    }

    /// Replaces the reservation by what was spent. Soft limits that this reaches are reported to the observer, as events of
    /// `task`.
    pub(crate) fn settle(&mut self, spent: &Spent, task: &Arc<TaskFacts>, observer: Option<&Arc<Observer>>) {
        let on_soft_limit = observer.and_then(|observer| self.on_soft_limit(task.clone(), observer));
        self.put(spent, on_soft_limit);
        self.is_settled = true;
    }

    fn put(&self, spent: &Spent, on_soft_limit: Option<OnSoftLimit>) {
        let spent: Vec<Amount> = self.ask.holds().iter().map(|hold| spent.amount(hold.budget.limit)).collect();
        if self.held == Held::Nothing && spent.iter().all(|amount| amount.units() == 0) {
            return;
        }
        let mut settlement = Settlement::new(self.ask.clone(), self.held, spent);
        settlement.on_soft_limit = on_soft_limit;
        self.store.settle(settlement);
    }

    /// A settlement may wait for a long time. It keeps neither the task nor the ledger alive meanwhile.
    fn on_soft_limit(&self, task: Arc<TaskFacts>, observer: &Arc<Observer>) -> Option<OnSoftLimit> {
        if self.cells.iter().all(|cell| cell.hold.budget.soft_from.is_none()) {
            return None;
        }
        // Not the limit that the store is asked for: of several, that is none that anybody has set.
        let cells: Vec<_> = self.cells.iter().map(|cell| (cell.cell.name.clone(), cell.cell.status().limit)).collect();
        let observer = Arc::downgrade(observer);
        Some(OnSoftLimit::new(move |figures| {
            let Some((name, limit)) = cells.get(figures.hold) else { return };
            let StoreFigures { spent, reserved, .. } = figures;
            let status = BudgetStatus { limit: *limit, spent, reserved, refused: 0, would_refuse: 0 };
            if let Some(observer) = observer.upgrade() {
                let kind = &AlertKind::SoftLimit(status);
                observer.call(&Alert { name, task: &task, kind, first_in_task: true, first_in_scope: true });
            }
        }))
    }
}

impl Drop for SharedHold {
    fn drop(&mut self) {
        if !self.is_settled {
            self.put(&Spent::default(), None);
        }
    }
}

/// Each question has a number of its own, so that one that comes late is known for what it is.
fn ask(cells: &[SharedCell]) -> StoreAsk {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    StoreAsk::new(NEXT.fetch_add(1, Ordering::Relaxed), cells.iter().map(|cell| cell.hold.clone()).collect())
}
