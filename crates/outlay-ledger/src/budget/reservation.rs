use std::sync::Arc;
use std::time::SystemTime;

use super::bound::Bound;
use super::budget_cell::{BudgetCell, Refused, State, Verdict};
use super::store_hold::{SharedCell, SharedHold};
use crate::AlertKind;
use crate::alert::Alerts;
use crate::money::Spent;
use crate::sync::MutexGuard;

/// What one call has reserved in every budget above it. Dropped, it gives all back.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    held: Vec<Held>,
    /// What a store for several processes is asked besides.
    shared: Option<Box<SharedHold>>,
    /// The most output that a budget has assumed, where the call says nothing.
    assumed_output: Option<u64>,
}

#[derive(Debug)]
struct Held {
    cell: Arc<BudgetCell>,
    units: i128,
    number: i64,
}

impl Reservation {
    /// Reserves in all of the budgets or in none. What observing ones would have refused goes to `observed`. Those that
    /// are held by a store go to `shared`, for that has to be asked yet.
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
        // The innermost first: of several that refuse the call, the nearest one is named.
        for (cell, state) in budgets.iter().zip(&mut states).rev() {
            let assumed = state.budgets().filter_map(|budget| bound.assumed_output(budget)).max();
            assumed_output = assumed_output.max(assumed);
            let (units, number) = match cell.ask(state, bound, now, is_trial) {
                Verdict::Fits { units, number } => (units, number),
                Verdict::Observed { units, number, why } => {
                    observed.push((cell.clone(), why));
                    (units, number)
                }
                Verdict::Refused(why) => return Err((cell.clone(), why)),
                Verdict::Shared { hold, why } => {
                    observed.extend(why.map(|why| (cell.clone(), why)));
                    shared.push(SharedCell::new(cell, *hold, assumed));
                    continue;
                }
            };
            held.push(Held { cell: cell.clone(), units, number });
        }
        let mut own = held.iter();
        for (cell, state) in budgets.iter().zip(&mut states).rev() {
            if !cell.is_shared()
                && let Some(Held { units, .. }) = own.next()
            {
                cell.reserve(state, *units);
            }
        }
        Ok(Self { held, shared: None, assumed_output })
    }

    /// The most output that a budget has assumed. It is `None` where the call sets a maximum, or no budget counts it.
    pub(crate) const fn assumed_output(&self) -> Option<u64> {
        self.assumed_output
    }

    /// What the store is asked that holds some of the budgets.
    pub(crate) fn share(&mut self, shared: SharedHold) {
        self.shared = Some(Box::new(shared));
    }

    pub(crate) fn take_shared(&mut self) -> Option<Box<SharedHold>> {
        self.shared.take()
    }

    pub(crate) fn shared_mut(&mut self) -> Option<&mut SharedHold> {
        self.shared.as_deref_mut()
    }

    /// Replaces what is reserved by what was spent.
    pub(crate) fn settle(mut self, spent: &Spent, alerts: &mut Alerts) {
        for Held { cell, units, number } in self.held.drain(..) {
            if let Some(status) = cell.settle(units, number, spent) {
                alerts.push(&cell.name, AlertKind::SoftLimit(status));
            }
        }
    }
}

/// Locks budgets before any is asked: what one had reserved for a call that another then refuses would refuse calls that
/// fit.
fn lock_all(budgets: &[Arc<BudgetCell>]) -> Vec<MutexGuard<'_, State>> {
    let mut in_order: Vec<_> = budgets.iter().enumerate().collect();
    // One order for all threads, in whichever their budgets stand.
    in_order.sort_unstable_by_key(|(_, cell)| cell.serial);
    let mut locked: Vec<_> = in_order.into_iter().map(|(place, cell)| (place, cell.lock())).collect();
    locked.sort_unstable_by_key(|(place, _)| *place);
    locked.into_iter().map(|(_, state)| state).collect()
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for Held { cell, units, number } in self.held.drain(..) {
            // Nothing was spent, and so no limit reached.
            let _ = cell.settle(units, number, &Spent::default());
        }
    }
}
