use std::sync::Arc;
use std::time::SystemTime;

use super::budget_cell::{BudgetCell, Refused, State, Verdict};
use super::call_bound::Bound;
use super::shared_reservation::{SharedCell, SharedHold};
use crate::AlertKind;
use crate::alert::Alerts;
use crate::money::Spent;
use crate::sync::MutexGuard;

/// The amounts that a call has reserved in all of its budgets. They are released on drop.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    held: Vec<ReservedIn>,
    /// The part in the budgets that a store keeps.
    shared: Option<Box<SharedHold>>,
    /// The highest assumed output of a budget, if the call sets no maximum.
    assumed_output: Option<u64>,
}

/// The amount reserved in one budget.
#[derive(Debug)]
struct ReservedIn {
    cell: Arc<BudgetCell>,
    units: i128,
    number: i64,
}

impl Reservation {
    /// Reserves in all of the budgets or in none. Refusals by observing budgets go to `observed`. Budgets that a store
    /// keeps go to `shared`, since the store has not been asked yet.
    pub(crate) fn make(
        budgets: &[Arc<BudgetCell>],
        bound: &Bound<'_>,
        now: SystemTime,
        is_trial: bool,
        observed: &mut Vec<Refused>,
        shared: &mut Vec<SharedCell>,
    ) -> Result<Self, Refused> {
        let mut states = lock_all(budgets);
        let mut held = Vec::with_capacity(budgets.len());
        let mut assumed_output = None;
        // Innermost first: if several budgets refuse the call, the nearest is named.
        for (cell, state) in budgets.iter().zip(&mut states).rev() {
            let assumed = state.budgets().filter_map(|budget| bound.assumed_output(budget)).max();
            assumed_output = assumed_output.max(assumed);
            let (units, number) = match cell.check(state, bound, now, is_trial) {
                Verdict::Fits { units, number } => (units, number),
                Verdict::Observed { units, number, refusal } => {
                    observed.push((cell.clone(), refusal));
                    (units, number)
                }
                Verdict::Refused(refusal) => return Err((cell.clone(), refusal)),
                Verdict::Shared { hold, refusal } => {
                    observed.extend(refusal.map(|refusal| (cell.clone(), refusal)));
                    shared.push(SharedCell::new(cell, *hold, assumed));
                    continue;
                }
            };
            held.push(ReservedIn { cell: cell.clone(), units, number });
        }
        let mut own = held.iter();
        for (cell, state) in budgets.iter().zip(&mut states).rev() {
            if !cell.is_shared()
                && let Some(ReservedIn { units, .. }) = own.next()
            {
                cell.reserve(state, *units);
            }
        }
        Ok(Self { held, shared: None, assumed_output })
    }

    /// Returns the highest assumed output of a budget. `None` if the call sets a maximum, or no budget counts output.
    pub(crate) const fn assumed_output(&self) -> Option<u64> {
        self.assumed_output
    }

    /// Sets the part in the budgets that a store keeps.
    pub(crate) fn set_shared(&mut self, shared: SharedHold) {
        self.shared = Some(Box::new(shared));
    }

    pub(crate) fn take_shared(&mut self) -> Option<Box<SharedHold>> {
        self.shared.take()
    }

    pub(crate) fn shared_mut(&mut self) -> Option<&mut SharedHold> {
        self.shared.as_deref_mut()
    }

    /// Replaces the reserved amounts by the spending.
    pub(crate) fn settle(mut self, spent: &Spent, alerts: &mut Alerts) {
        for ReservedIn { cell, units, number } in self.held.drain(..) {
            if let Some(status) = cell.settle(units, number, spent) {
                alerts.push(&cell.name, AlertKind::SoftLimit(status));
            }
        }
    }
}

/// Locks all budgets before any is checked. Otherwise an amount that one reserves for a call that another then refuses
/// could refuse other calls that fit.
fn lock_all(budgets: &[Arc<BudgetCell>]) -> Vec<MutexGuard<'_, State>> {
    let mut in_order: Vec<_> = budgets.iter().enumerate().collect();
    // All threads lock in the same order, whatever the order of their budgets.
    in_order.sort_unstable_by_key(|(_, cell)| cell.serial);
    let mut locked: Vec<_> = in_order.into_iter().map(|(place, cell)| (place, cell.lock())).collect();
    locked.sort_unstable_by_key(|(place, _)| *place);
    locked.into_iter().map(|(_, state)| state).collect()
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for ReservedIn { cell, units, number } in self.held.drain(..) {
            // Nothing was spent, so no soft limit can be reached.
            let _ = cell.settle(units, number, &Spent::default());
        }
    }
}
