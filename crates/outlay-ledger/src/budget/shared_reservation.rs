//! The part of a call in the budgets that a store keeps for several processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::budget_cell::{BudgetCell, Refused};
use super::{BudgetStatus, RefusalReason};
use crate::alert::{Alert, Observer};
use crate::budget::budget_store::{
    BudgetStore, Held, OnSoftLimit, Settlement, StoreAnswer, StoreAsk, StoreFigures, StoreHold,
};
use crate::money::Spent;
use crate::{AlertKind, Amount, TaskFacts};

/// A budget in a store, with the amount that a call requests.
#[derive(Debug)]
pub(crate) struct SharedCell {
    pub(super) cell: Arc<BudgetCell>,
    pub(super) hold: StoreHold,
    pub(super) assumed_output: Option<u64>,
}

/// The reservation of one call in the budgets of a store. It is released on drop.
#[derive(Debug)]
pub(crate) struct SharedHold {
    store: Arc<dyn BudgetStore>,
    cells: Vec<SharedCell>,
    ask: StoreAsk,
    held: Held,
    check: Option<StoreCheck>,
    is_settled: bool,
}

/// Whether a store has checked a call against its budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreCheck {
    /// The store answered.
    Done,
    /// The store could not be asked in time. The call was made or refused as the store is set to do then.
    Missed,
}

impl SharedCell {
    /// Returns an entry for spending without a reservation, if a store keeps the budget.
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
        let ask = new_ask(&cells);
        Self { store, cells, ask, held: Held::Nothing, check: None, is_settled: false }
    }

    /// Returns the store and the request, unless there is an answer. An earlier request without an answer is released.
    pub(crate) fn ask(&mut self) -> Option<(Arc<dyn BudgetStore>, StoreAsk)> {
        match self.held {
            Held::Reserved | Held::Unchecked => return None,
            Held::Nothing => {}
            Held::Unknown => {
                self.send_settlement(&Spent::default(), None);
                self.ask = new_ask(&self.cells);
            }
        }
        self.held = Held::Unknown;
        Some((self.store.clone(), self.ask.clone()))
    }

    /// Asks the store without waiting. Returns `None` if there is an answer already.
    pub(crate) fn ask_now(&mut self) -> Option<StoreAnswer> {
        let (store, ask) = self.ask()?;
        Some(store.reserve_now(&ask))
    }

    /// Applies an answer. Refusals by observing budgets go to `observed`.
    pub(crate) fn apply_answer(
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
                // The call may have been reserved even though the answer is missing.
                self.send_settlement(&Spent::default(), None);
                self.held = Held::Nothing;
                let Some(SharedCell { cell, .. }) = self.cells.get(*hold).or(self.cells.first()) else { return Ok(()) };
                let reason = RefusalReason::StoreUnavailable;
                Err((cell.clone(), cell.refusal(model, cell.status(), reason)))
            }
        }
    }

    fn refusal(&self, model: &Arc<str>, figures: StoreFigures, now: SystemTime) -> Option<Refused> {
        let SharedCell { cell, hold, assumed_output } = self.cells.get(figures.hold).or(self.cells.first())?;
        let (status, reserve) = cell.take_store_amounts(figures.spent, figures.reserved, now);
        let reason = RefusalReason::OverLimit { bound: hold.amount, assumed_output: *assumed_output };
        let exceeded = cell.refusal(model, status, reason).reserving(reserve);
        Some((cell.clone(), exceeded))
    }

    pub(crate) const fn check(&self) -> Option<StoreCheck> {
        self.check
    }

    /// Replaces the reservation by the spending. Soft limits that this reaches are reported to the observer as alerts of
    /// `task`.
    pub(crate) fn settle(&mut self, spent: &Spent, task: &Arc<TaskFacts>, observer: Option<&Arc<Observer>>) {
        let on_soft_limit = observer.and_then(|observer| self.on_soft_limit(task.clone(), observer));
        self.send_settlement(spent, on_soft_limit);
        self.is_settled = true;
    }

    fn send_settlement(&self, spent: &Spent, on_soft_limit: Option<OnSoftLimit>) {
        let spent: Vec<Amount> = self.ask.holds().iter().map(|hold| spent.amount(hold.budget.limit)).collect();
        if self.held == Held::Nothing && spent.iter().all(|amount| amount.units() == 0) {
            return;
        }
        let mut settlement = Settlement::new(self.ask.clone(), self.held, spent);
        settlement.on_soft_limit = on_soft_limit;
        self.store.settle(settlement);
    }

    /// Returns the soft-limit function. A settlement may be queued for long, so it keeps neither the task nor the ledger
    /// alive.
    fn on_soft_limit(&self, task: Arc<TaskFacts>, observer: &Arc<Observer>) -> Option<OnSoftLimit> {
        if self.cells.iter().all(|cell| cell.hold.budget.soft_from.is_none()) {
            return None;
        }
        // With several limits, the one sent to the store is computed, so the configured one is reported.
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
            self.send_settlement(&Spent::default(), None);
        }
    }
}

/// Creates a request with a new number, so that a late one can be recognized.
fn new_ask(cells: &[SharedCell]) -> StoreAsk {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    StoreAsk::new(NEXT.fetch_add(1, Ordering::Relaxed), cells.iter().map(|cell| cell.hold.clone()).collect())
}
