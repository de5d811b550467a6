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
    /// The policy's budget, if the code sets the same one. Both apply.
    second: Option<Budget>,
    /// Which period the figures are of.
    number: i64,
    /// The one before that, and what was spent in it.
    before: (i64, i128),
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

    /// Other limits, from now on.
    pub(super) fn set_budgets(&self, budget: Budget, second: Option<Budget>) {
        let mut state = lock(&self.state);
        if (state.budget, state.second) != (budget, second) {
            (state.budget, state.second) = (budget, second);
            // What has risen above what is spent is told when that is reached again.
            state.soft_told = state.soft_told && state.has_reached_soft();
        }
    }

    /// Whether something is lost if it is forgotten: what is spent in a period that goes on, or an open call.
    pub(super) fn counts(&self, now: SystemTime) -> bool {
        let state = lock(&self.state);
        let is_over = self.period.is_some_and(|period| period.number(now) > state.number);
        state.reserved != 0 || (state.spent != 0 && !is_over)
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
        let (units, why) = self.judge(state, bound, &state.budget);
        let Some(second) = &state.second else {
            return why.map_or(Verdict::Fits { units, number }, |why| refuse(&state.budget, why, units, number));
        };
        let (more, second_why) = self.judge(state, bound, second);
        let units = units.max(more);
        let all = [(&state.budget, why), (second, second_why)];
        // One that refuses says more than one that observes.
        let refused = all.into_iter().filter_map(|(budget, why)| Some((budget, why?)));
        match refused.min_by_key(|(budget, _)| budget.observed) {
            Some((budget, why)) => refuse(budget, why, units, number),
            None => Verdict::Fits { units, number },
        }
    }

    /// What one limit has to reserve for a call, and why that does not fit, if it does not.
    #[inline]
    fn judge(&self, state: &State, bound: &Bound<'_>, budget: &Budget) -> (i128, Option<BudgetExceeded>) {
        match bound.units(budget) {
            Some(units) if state.has_room(budget, units) => (units, None),
            Some(units) => (units, Some(self.over_limit(state, bound, budget, units))),
            None if budget.allow_unpriced => (0, None),
            None => (0, Some(self.exceeded(state, bound, budget, RefusalReason::Unpriced))),
        }
    }

    /// What is to be asked of the store. It alone refuses; but a trial is told no where the store has just said that there
    /// is no room, for a call that a store refuses can no longer be made otherwise.
    // Apart from what most budgets are asked.
    #[cold]
    fn ask_shared(&self, key: &Arc<str>, state: &State, bound: &Bound<'_>, now: SystemTime, is_trial: bool) -> Verdict {
        let budget = &state.strictest();
        let Some(units) = bound.units(budget) else {
            let why = self.exceeded(state, bound, budget, RefusalReason::Unpriced);
            let hold = Box::new(self.hold(key, state, 0));
            return match (budget.allow_unpriced, budget.observed) {
                (true, _) => Verdict::Shared { hold, why: None },
                (false, true) => Verdict::Shared { hold, why: Some(why) },
                (false, false) => Verdict::Refused(why),
            };
        };
        let has_just_been_seen = |seen| now.duration_since(seen).is_ok_and(|ago| ago < FRESH);
        let is_known_to_be_full = !budget.observed && !state.has_room(budget, units);
        if is_trial && is_known_to_be_full && state.seen.is_some_and(has_just_been_seen) {
            return Verdict::Refused(self.over_limit(state, bound, budget, units));
        }
        Verdict::Shared { hold: Box::new(self.hold(key, state, units)), why: None }
    }

    /// So much, as the store that holds the budget is asked for it.
    fn hold(&self, key: &Arc<str>, state: &State, units: i128) -> StoreHold {
        let strictest = state.strictest();
        let limit = strictest.limit;
        let mut budget = StoreBudget::new(key.clone(), limit);
        budget.period = self.period;
        budget.soft_from = state.soft_from().map(|units| limit.with_units(units));
        budget.observed = strictest.observed;
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
        (state.status(), state.strictest().reserve)
    }

    #[cold]
    fn over_limit(&self, state: &State, bound: &Bound<'_>, budget: &Budget, units: i128) -> BudgetExceeded {
        let assumed = bound.assumed_output(budget);
        let reason = RefusalReason::OverLimit { bound: budget.limit.with_units(units), assumed_output: assumed };
        self.exceeded(state, bound, budget, reason).reserving(budget.reserve)
    }

    /// Reserves what was asked for, under the lock under which it was.
    pub(super) fn reserve(&self, state: &mut State, units: i128) {
        if !self.each_call {
            state.reserved = state.reserved.saturating_add(units);
        }
    }

    /// Counts a call that it refused, for good.
    pub(crate) fn count_refused(&self, why: BudgetExceeded) -> BudgetExceeded {
        let mut state = lock(&self.state);
        let why = why.told_first(state.refused == 0);
        state.refused += 1;
        if state.refusals.len() < MAX_REFUSALS {
            state.refusals.push(why.clone());
        }
        why
    }

    /// Counts a call that it would have refused.
    pub(crate) fn count_would_refuse(&self, why: BudgetExceeded) -> BudgetExceeded {
        let mut state = lock(&self.state);
        state.would_refuse += 1;
        why.told_first(state.would_refuse == 1)
    }

    fn exceeded(&self, state: &State, bound: &Bound<'_>, budget: &Budget, reason: RefusalReason) -> BudgetExceeded {
        BudgetExceeded::new(self.name.clone(), bound.model.clone(), state.status_of(budget), reason)
    }

    /// Replaces a reservation by what was spent, at once: nobody sees both, or neither. What was reserved in a period
    /// that is over is of that period. Says how the budget stands where its soft limit has just been reached.
    pub(super) fn settle(&self, reserved: i128, number: i64, spent: &Spent) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        // One that began before the clock was set back by periods is of the present one.
        if self.each_call || number < state.number {
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
        if number > state.number {
            state.begin(number, 0, 0);
        } else if number < state.number.saturating_sub(1) {
            // The clock had jumped ahead, by more than a period, and is back: what was spent meanwhile was spent in this one.
            let known = if state.before.0 == number { state.before.1 } else { 0 };
            state.begin(number, known.saturating_add(state.spent), state.reserved);
        }
        // A clock that is set back by less does not bring back what has been spent since.
        state.number
    }
}

fn refuse(budget: &Budget, why: BudgetExceeded, units: i128, number: i64) -> Verdict {
    match budget.observed {
        true => Verdict::Observed { units, number, why },
        false => Verdict::Refused(why),
    }
}

impl State {
    fn new(budget: Budget) -> Self {
        Self {
            budget,
            second: None,
            number: i64::MIN,
            before: (i64::MIN, 0),
            spent: 0,
            reserved: 0,
            refused: 0,
            would_refuse: 0,
            soft_told: false,
            refusals: Vec::new(),
            seen: None,
        }
    }

    /// Begins another period, with what is known of it.
    fn begin(&mut self, number: i64, spent: i128, reserved: i128) {
        let before = (self.number, self.spent);
        let refusals = std::mem::take(&mut self.refusals);
        *self = Self { second: self.second, number, before, spent, reserved, refusals, ..Self::new(self.budget) };
        self.soft_told = self.has_reached_soft();
    }

    const fn has_room(&self, budget: &Budget, units: i128) -> bool {
        self.spent.saturating_add(self.reserved).saturating_add(units) <= budget.limit.units()
    }

    pub(super) fn budgets(&self) -> impl Iterator<Item = &Budget> {
        std::iter::once(&self.budget).chain(&self.second)
    }

    /// The limit that is reached first: of those that refuse, if one does.
    fn strictest(&self) -> Budget {
        let strictest = self.budgets().min_by_key(|budget| (budget.observed, budget.limit.units()));
        *strictest.unwrap_or(&self.budget)
    }

    fn soft_from(&self) -> Option<i128> {
        self.budgets().filter_map(Budget::soft_from).min()
    }

    fn has_reached_soft(&self) -> bool {
        self.soft_from().is_some_and(|from| self.spent >= from)
    }

    fn spend(&mut self, spent: &Spent) -> Option<BudgetStatus> {
        // What is given back was spent before, and no more than that.
        self.spent = self.spent.saturating_add(spent.units(self.budget.limit)).max(0);
        (self.has_reached_soft() && !std::mem::replace(&mut self.soft_told, true)).then(|| self.status())
    }

    fn status(&self) -> BudgetStatus {
        self.status_of(&self.strictest())
    }

    /// How it stands, by one of its limits.
    fn status_of(&self, budget: &Budget) -> BudgetStatus {
        let limit = budget.limit;
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
