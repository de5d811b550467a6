use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use outlay_price::Usd;

use super::reservation::{Bound, Spent};
use super::{Amount, Budget, BudgetExceeded, BudgetStatus, Period, RefusalReason, Reserve, SharedCell};
use crate::store::{StoreBudget, StoreHold};
use crate::sync::{Mutex, MutexGuard, lock};

/// As many refusals are remembered; all are counted.
const MAX_REFUSALS: usize = 100;
/// For so long a trial goes by what a store has said.
const FRESH: Duration = Duration::from_secs(1);

/// A budget in force.
#[derive(Debug)]
pub(crate) struct BudgetCell {
    /// The scope that it is of, or what it goes by.
    pub(crate) name: Arc<str>,
    /// Of two, the one that was made first has the lower number.
    pub(super) serial: u64,
    period: Option<Period>,
    /// It holds each call by itself: nothing adds up.
    each_call: bool,
    /// A rule has made it, and no task, agent or step.
    is_of_rule: bool,
    /// What a store for several processes knows it by. What the state says of spent and reserved is what that said last.
    store_key: Option<Arc<str>>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    budget: Budget,
    /// Which period the figures are of.
    number: i64,
    spent: i128,
    reserved: i128,
    refused: u64,
    would_refuse: u64,
    soft_told: bool,
    refusals: Vec<BudgetExceeded>,
    /// When a store last said how it stands.
    seen: Option<SystemTime>,
}

/// What a budget makes of a call.
pub(super) enum Verdict {
    /// There is room for so much, in the period of this number.
    Fits { units: i128, number: i64 },
    /// The same, by a budget that observes, and would have refused it.
    Observed { units: i128, number: i64, why: BudgetExceeded },
    /// It is refused.
    Refused(BudgetExceeded),
    /// A store has to be asked; one that observes may have something to say before.
    Shared { hold: Box<StoreHold>, why: Option<BudgetExceeded> },
}

impl BudgetCell {
    pub(crate) fn new(name: Arc<str>, budget: Budget) -> Self {
        Self { is_of_rule: false, ..Self::every(name, budget, None) }
    }

    /// One of a rule, that begins anew each period.
    pub(super) fn every(name: Arc<str>, budget: Budget, period: Option<Period>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            name,
            serial,
            period,
            each_call: false,
            is_of_rule: true,
            store_key: None,
            state: Mutex::new(State::new(budget)),
        }
    }

    /// One that holds each call by itself.
    pub(super) fn each_call(name: Arc<str>, budget: Budget) -> Self {
        Self { each_call: true, ..Self::every(name, budget, None) }
    }

    /// One that a store holds for several processes.
    pub(super) fn shared(key: Arc<str>, name: Arc<str>, budget: Budget, period: Option<Period>) -> Self {
        Self { store_key: Some(key), ..Self::every(name, budget, period) }
    }

    /// Whether a rule has made it.
    pub(crate) const fn is_of_rule(&self) -> bool {
        self.is_of_rule
    }

    /// Whether a store holds it.
    pub(crate) const fn is_shared(&self) -> bool {
        self.store_key.is_some()
    }

    pub(crate) fn status(&self) -> BudgetStatus {
        lock(&self.state).status()
    }

    pub(crate) fn refusals(&self) -> Vec<BudgetExceeded> {
        lock(&self.state).refusals.clone()
    }

    /// Another limit, from now on.
    pub(super) fn set_budget(&self, budget: Budget) {
        lock(&self.state).budget = budget;
    }

    /// Whether nothing is lost if it is forgotten: its period is over, and no call is open in it.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        let state = lock(&self.state);
        state.reserved == 0 && self.period.is_some_and(|period| period.number(now) != state.number)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether there is room for the bound, or why not. Nothing is counted of that: the call may yet be made otherwise.
    #[inline]
    pub(super) fn ask(&self, state: &mut State, bound: &Bound<'_>, now: SystemTime, is_trial: bool) -> Verdict {
        if let Some(key) = &self.store_key {
            return self.ask_shared(key, state, bound, now, is_trial);
        }
        let number = self.turn_over(state, now);
        let units = match bound.units(&state.budget) {
            Some(units) => units,
            None if state.budget.allow_unpriced => return Verdict::Fits { units: 0, number },
            None => {
                let why = self.exceeded(state, bound, RefusalReason::Unpriced);
                return refuse(state, why, 0, number);
            }
        };
        if state.has_room(units) {
            return Verdict::Fits { units, number };
        }
        let why = self.over_limit(state, bound, units);
        refuse(state, why, units, number)
    }

    /// What is to be asked of the store. It alone refuses; but a trial is told no where the store has just said that there
    /// is no room, for a call that a store refuses can no longer be made otherwise.
    // Apart from what most budgets are asked.
    #[cold]
    fn ask_shared(&self, key: &Arc<str>, state: &State, bound: &Bound<'_>, now: SystemTime, is_trial: bool) -> Verdict {
        let Some(units) = bound.units(&state.budget) else {
            let why = self.exceeded(state, bound, RefusalReason::Unpriced);
            let hold = Box::new(self.hold(key, state, 0));
            return match (state.budget.allow_unpriced, state.budget.observed) {
                (true, _) => Verdict::Shared { hold, why: None },
                (false, true) => Verdict::Shared { hold, why: Some(why) },
                (false, false) => Verdict::Refused(why),
            };
        };
        let has_just_been_seen = |seen| now.duration_since(seen).is_ok_and(|ago| ago < FRESH);
        if is_trial && !state.budget.observed && !state.has_room(units) && state.seen.is_some_and(has_just_been_seen) {
            return Verdict::Refused(self.over_limit(state, bound, units));
        }
        Verdict::Shared { hold: Box::new(self.hold(key, state, units)), why: None }
    }

    /// So much, as the store that holds the budget is asked for it.
    fn hold(&self, key: &Arc<str>, state: &State, units: i128) -> StoreHold {
        let limit = state.budget.limit;
        let mut budget = StoreBudget::new(key.clone(), limit);
        budget.period = self.period;
        budget.soft_from = state.budget.soft_from().map(|units| limit.with_units(units));
        budget.observed = state.budget.observed;
        StoreHold::new(budget, limit.with_units(units))
    }

    /// What counts in it that nothing was reserved for, where a store holds it.
    pub(crate) fn unreserved(self: &Arc<Self>) -> Option<SharedCell> {
        let hold = self.hold(self.store_key.as_ref()?, &lock(&self.state), 0);
        Some(SharedCell::new(self, hold, None))
    }

    /// How it stands, by the word of the store that holds it.
    pub(super) fn see(&self, spent: Amount, reserved: Amount, now: SystemTime) -> (BudgetStatus, Reserve) {
        let mut state = lock(&self.state);
        (state.spent, state.reserved, state.seen) = (spent.units(), reserved.units(), Some(now));
        (state.status(), state.budget.reserve)
    }

    #[cold]
    fn over_limit(&self, state: &State, bound: &Bound<'_>, units: i128) -> BudgetExceeded {
        let limit = state.budget.limit;
        let assumed = bound.assumed_output(&state.budget);
        let reason = RefusalReason::OverLimit { bound: limit.with_units(units), assumed_output: assumed };
        self.exceeded(state, bound, reason).reserving(state.budget.reserve)
    }

    /// Reserves what was asked for, under the lock under which it was.
    pub(super) fn reserve(&self, state: &mut State, units: i128) {
        if !self.each_call {
            state.reserved = state.reserved.saturating_add(units);
        }
    }

    /// Counts a call that it refused, for good.
    pub(crate) fn count_refused(&self, why: &BudgetExceeded) {
        let mut state = lock(&self.state);
        state.refused += 1;
        if state.refusals.len() < MAX_REFUSALS {
            state.refusals.push(why.clone());
        }
    }

    /// Counts a call that it would have refused.
    pub(crate) fn count_would_refuse(&self) {
        lock(&self.state).would_refuse += 1;
    }

    fn exceeded(&self, state: &State, bound: &Bound<'_>, reason: RefusalReason) -> BudgetExceeded {
        BudgetExceeded::new(self.name.clone(), bound.model.clone(), state.status(), reason)
    }

    /// Replaces a reservation by what was spent, at once: nobody sees both, or neither. What was reserved in a period
    /// that is over is of that period. Says how the budget stands where its soft limit has just been reached.
    pub(super) fn settle(&self, reserved: i128, number: i64, spent: &Spent) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        if self.each_call || number != state.number {
            return None;
        }
        state.reserved = state.reserved.saturating_sub(reserved);
        state.spend(spent)
    }

    /// Counts what nothing was reserved for.
    pub(crate) fn spend(&self, spent: &Spent, now: SystemTime) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        if self.each_call {
            return None;
        }
        self.turn_over(&mut state, now);
        state.spend(spent)
    }

    /// Begins a new period where one is due. Returns the number of the one that goes on.
    fn turn_over(&self, state: &mut State, now: SystemTime) -> i64 {
        let number = self.period.map_or(0, |period| period.number(now));
        // A clock that is set back does not bring back what has been spent since.
        if number > state.number {
            *state = State { number, refusals: std::mem::take(&mut state.refusals), ..State::new(state.budget) };
        }
        state.number
    }
}

fn refuse(state: &State, why: BudgetExceeded, units: i128, number: i64) -> Verdict {
    match state.budget.observed {
        true => Verdict::Observed { units, number, why },
        false => Verdict::Refused(why),
    }
}

impl State {
    fn new(budget: Budget) -> Self {
        Self {
            budget,
            number: i64::MIN,
            spent: 0,
            reserved: 0,
            refused: 0,
            would_refuse: 0,
            soft_told: false,
            refusals: Vec::new(),
            seen: None,
        }
    }

    const fn has_room(&self, units: i128) -> bool {
        self.spent.saturating_add(self.reserved).saturating_add(units) <= self.budget.limit.units()
    }

    pub(super) const fn budget(&self) -> &Budget {
        &self.budget
    }

    fn spend(&mut self, spent: &Spent) -> Option<BudgetStatus> {
        self.spent = self.spent.saturating_add(spent.units(self.budget.limit));
        let reached = self.budget.soft_from().is_some_and(|from| self.spent >= from);
        (reached && !std::mem::replace(&mut self.soft_told, true)).then(|| self.status())
    }

    fn status(&self) -> BudgetStatus {
        let limit = self.budget.limit;
        BudgetStatus {
            limit,
            spent: limit.with_units(self.spent),
            reserved: limit.with_units(self.reserved),
            refused: self.refused,
            would_refuse: self.would_refuse,
        }
    }
}

impl Spent {
    /// Money alone.
    pub(crate) const fn usd(usd: Usd) -> Self {
        Self { usd, tokens: 0, calls: 0, turns: 0 }
    }

    /// In what a limit counts.
    pub(super) fn amount(&self, limit: Amount) -> Amount {
        limit.with_units(self.units(limit))
    }

    fn units(&self, limit: Amount) -> i128 {
        match limit {
            Amount::Usd(_) => self.usd.picos(),
            Amount::Tokens(_) => i128::from(self.tokens),
            Amount::Calls(_) => i128::from(self.calls),
            Amount::Turns(_) => i128::from(self.turns),
        }
    }
}
