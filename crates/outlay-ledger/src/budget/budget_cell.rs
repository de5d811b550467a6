use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::bound::Bound;
use super::budget_store::{StoreBudget, StoreHold};
use super::{Amount, Budget, BudgetExceeded, BudgetStatus, Period, RefusalReason, Reserve};
use crate::money::Spent;
use crate::sync::{Mutex, MutexGuard, lock};

/// As many refusals are remembered; all are counted.
const MAX_REFUSALS: usize = 100;
/// For so long a trial goes by what a store has said.
const FRESH: Duration = Duration::from_secs(1);
/// The most other periods that are remembered without an open call.
const MAX_OTHERS: usize = 3;

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
    /// The limits of other rules of this name, if the code and the policy set several. All of them apply.
    others: Vec<Budget>,
    /// The amounts of the current period.
    figures: Figures,
    /// The amounts of other periods: those in which calls are still open, and a few more. A clock that has jumped ahead may
    /// come back to them.
    of_others: Vec<Figures>,
    refused: u64,
    would_refuse: u64,
    /// Which refusals have been warned of.
    warned: Warned,
    refusals: Vec<BudgetExceeded>,
    /// When a store last said how it stands.
    seen: Option<SystemTime>,
}

/// A budget that refused a call, or would have, and why.
pub(crate) type Refused = (Arc<BudgetCell>, BudgetExceeded);

/// The amounts of one period.
#[derive(Clone, Copy, Debug)]
struct Figures {
    number: i64,
    spent: i128,
    reserved: i128,
    soft_told: bool,
}

/// The reasons of refusals that have been warned of in a period.
#[derive(Debug)]
struct Warned {
    number: i64,
    /// A bit for each reason.
    refused: u8,
    would_refuse: u8,
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
    pub(super) fn set_budgets(&self, budget: Budget, others: Vec<Budget>) {
        let mut state = lock(&self.state);
        if state.budget != budget || state.others != others {
            (state.budget, state.others) = (budget, others);
            // What has risen above what is spent is told when that is reached again.
            state.figures.soft_told &= state.has_reached_soft();
            state.warned = Warned::new(state.warned.number);
        }
    }

    /// Whether something is lost if it is forgotten: what is spent in a period that goes on, or an open call.
    pub(super) fn counts(&self, now: SystemTime) -> bool {
        let state = lock(&self.state);
        let is_over = |of: &Figures| self.period.is_some_and(|period| period.number(now) > of.number);
        state.all().any(|of| of.reserved != 0 || (of.spent != 0 && !is_over(of)))
    }

    /// Whether anything was ever spent of it that is remembered, also in a period that is over by now.
    pub(super) fn is_spent(&self) -> bool {
        lock(&self.state).all().any(|of| of.reserved != 0 || of.spent != 0)
    }

    /// Whether it holds each call by itself.
    pub(crate) const fn is_each_call(&self) -> bool {
        self.each_call
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
        let (mut units, why) = self.judge(state, bound, &state.budget);
        let mut refused = why.map(|why| (&state.budget, why));
        for budget in &state.others {
            let (more, why) = self.judge(state, bound, budget);
            units = units.max(more);
            // One that refuses says more than one that observes.
            let says_more = refused.as_ref().is_none_or(|(known, _)| known.observed && !budget.observed);
            refused = why.filter(|_| says_more).map(|why| (budget, why)).or(refused);
        }
        match refused {
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
        let has_just_been_seen = |seen| now.duration_since(seen).is_ok_and(|ago| ago < FRESH);
        let is_fresh = is_trial && state.seen.is_some_and(has_just_been_seen);
        let mut unpriced = None;
        for budget in state.budgets() {
            match bound.units(budget) {
                Some(units) if !budget.observed && is_fresh && !state.has_room(budget, units) => {
                    return Verdict::Refused(self.over_limit(state, bound, budget, units));
                }
                None if !budget.allow_unpriced => {
                    let why = self.exceeded(state, bound, budget, RefusalReason::Unpriced);
                    if !budget.observed {
                        return Verdict::Refused(why);
                    }
                    unpriced = Some(why);
                }
                _ => {}
            }
        }
        let hold = Box::new(self.hold(key, state, |budget| bound.units(budget).unwrap_or(0)));
        Verdict::Shared { hold, why: unpriced }
    }

    /// Returns what the store is asked for. `units` is the amount by each limit, but the store takes one amount and one limit:
    /// the largest amount fits that limit exactly where each amount fits its own. A limit that only observes is left out
    /// beside one that refuses.
    fn hold(&self, key: &Arc<str>, state: &State, units: impl Fn(&Budget) -> i128) -> StoreHold {
        let unit = state.budget.limit;
        let observed = state.budgets().all(|budget| budget.observed);
        let asked = || state.budgets().filter(|budget| budget.observed == observed);
        let most = asked().map(&units).max().unwrap_or(0);
        let left = asked().map(|budget| budget.limit.units().saturating_sub(units(budget))).min().unwrap_or(0);
        let mut budget = StoreBudget::new(key.clone(), unit.with_units(left.saturating_add(most)));
        budget.period = self.period;
        budget.soft_from = state.soft_from().map(|units| unit.with_units(units));
        budget.observed = observed;
        StoreHold::new(budget, unit.with_units(most))
    }

    /// Returns what a store is told of an amount that nothing was reserved for; `None` if no store holds the budget.
    pub(super) fn unreserved(&self) -> Option<StoreHold> {
        Some(self.hold(self.store_key.as_ref()?, &lock(&self.state), |_| 0))
    }

    /// How it stands, by the word of the store that holds it.
    pub(super) fn see(&self, spent: Amount, reserved: Amount, now: SystemTime) -> (BudgetStatus, Reserve) {
        let mut state = lock(&self.state);
        (state.figures.spent, state.figures.reserved) = (spent.units(), reserved.units());
        state.seen = Some(now);
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
            state.figures.reserved = state.figures.reserved.saturating_add(units);
        }
    }

    /// Counts a refused call, and marks the first refusal of each reason in a period. A budget that holds each call by itself
    /// has no period: there `is_first` decides.
    pub(crate) fn count_refused(&self, why: BudgetExceeded, now: SystemTime, is_first: Option<bool>) -> BudgetExceeded {
        let mut state = lock(&self.state);
        let is_new = insert_bit(&mut state.warned_in(self.number(now)).refused, why.reason().bit());
        let why = why.told_first(is_first.unwrap_or(is_new));
        state.refused += 1;
        if state.refusals.len() < MAX_REFUSALS {
            state.refusals.push(why.clone());
        }
        why
    }

    /// Counts a call that it would have refused.
    pub(crate) fn count_would_refuse(
        &self,
        why: BudgetExceeded,
        now: SystemTime,
        is_first: Option<bool>,
    ) -> BudgetExceeded {
        let mut state = lock(&self.state);
        let is_new = insert_bit(&mut state.warned_in(self.number(now)).would_refuse, why.reason().bit());
        state.would_refuse += 1;
        why.told_first(is_first.unwrap_or(is_new))
    }

    fn number(&self, now: SystemTime) -> i64 {
        self.period.map_or(0, |period| period.number(now))
    }

    fn exceeded(&self, state: &State, bound: &Bound<'_>, budget: &Budget, reason: RefusalReason) -> BudgetExceeded {
        BudgetExceeded::new(self.name.clone(), bound.model.clone(), state.status_of(budget), reason)
    }

    /// Replaces a reservation by what was spent, at once: nobody sees both, or neither. What was reserved in a period
    /// that is over is of that period. Says how the budget stands where its soft limit has just been reached.
    pub(super) fn settle(&self, reserved: i128, number: i64, spent: &Spent) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        if self.each_call {
            return None;
        }
        let units = spent.units(state.budget.limit);
        if let Some(of_its_own) = state.of_others.iter_mut().find(|of| of.number == number) {
            of_its_own.give_back(reserved);
            of_its_own.spend(units);
            return None;
        }
        if number < state.figures.number {
            // Its period is over, and forgotten.
            return None;
        }
        // One that began while the clock had jumped ahead is of the present period.
        state.figures.give_back(reserved);
        state.spend(units)
    }

    /// Counts what nothing was reserved for.
    pub(crate) fn spend(&self, spent: &Spent, now: SystemTime) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        if self.each_call {
            return None;
        }
        self.turn_over(&mut state, now);
        let units = spent.units(state.budget.limit);
        state.spend(units)
    }

    /// Begins a new period where one is due. Returns the number of the one that goes on.
    fn turn_over(&self, state: &mut State, now: SystemTime) -> i64 {
        let number = self.number(now);
        // A clock that is set back by less than a period does not bring back what has been spent since.
        if number > state.figures.number || number < state.figures.number.saturating_sub(1) {
            state.turn_to(number);
        }
        state.figures.number
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
            others: Vec::new(),
            figures: Figures::new(i64::MIN),
            of_others: Vec::new(),
            refused: 0,
            would_refuse: 0,
            warned: Warned::new(i64::MIN),
            refusals: Vec::new(),
            seen: None,
        }
    }

    /// Goes on in another period, with what is known of it. Where the clock had jumped ahead and is back, what was spent and
    /// reserved meanwhile was so in this one.
    fn turn_to(&mut self, number: i64) {
        let before = std::mem::replace(&mut self.figures, Figures::new(number));
        if before.spent != 0 || before.reserved != 0 {
            self.of_others.push(before);
        }
        let (mut folded, others) = (self.figures, std::mem::take(&mut self.of_others));
        self.of_others.extend(others.into_iter().filter(|of| {
            let is_of_this = of.number >= number;
            if is_of_this {
                folded.fold(of);
            }
            !is_of_this
        }));
        self.figures = folded;
        self.of_others.sort_unstable_by_key(|of| std::cmp::Reverse(of.number));
        let mut kept = 0;
        self.of_others.retain(|of| {
            kept += usize::from(of.spent != 0 && of.reserved == 0);
            of.reserved != 0 || (of.spent != 0 && kept <= MAX_OTHERS)
        });
        (self.refused, self.would_refuse) = (0, 0);
    }

    fn all(&self) -> impl Iterator<Item = &Figures> {
        std::iter::once(&self.figures).chain(&self.of_others)
    }

    /// What has been warned of in the period of this number.
    fn warned_in(&mut self, number: i64) -> &mut Warned {
        if self.warned.number != number {
            self.warned = Warned::new(number);
        }
        &mut self.warned
    }

    const fn has_room(&self, budget: &Budget, units: i128) -> bool {
        self.figures.spent.saturating_add(self.figures.reserved).saturating_add(units) <= budget.limit.units()
    }

    pub(super) fn budgets(&self) -> impl Iterator<Item = &Budget> {
        std::iter::once(&self.budget).chain(&self.others)
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
        self.soft_from().is_some_and(|from| self.figures.spent >= from)
    }

    fn spend(&mut self, units: i128) -> Option<BudgetStatus> {
        self.figures.spend(units);
        (self.has_reached_soft() && !std::mem::replace(&mut self.figures.soft_told, true)).then(|| self.status())
    }

    fn status(&self) -> BudgetStatus {
        self.status_of(&self.strictest())
    }

    /// How it stands, by one of its limits.
    fn status_of(&self, budget: &Budget) -> BudgetStatus {
        let limit = budget.limit;
        BudgetStatus {
            limit,
            spent: limit.with_units(self.figures.spent),
            reserved: limit.with_units(self.figures.reserved),
            refused: self.refused,
            would_refuse: self.would_refuse,
        }
    }
}

impl Figures {
    const fn new(number: i64) -> Self {
        Self { number, spent: 0, reserved: 0, soft_told: false }
    }

    fn fold(&mut self, other: &Self) {
        self.spent = self.spent.saturating_add(other.spent);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.soft_told |= other.soft_told;
    }

    /// What is given back was spent before, and no more than that.
    fn spend(&mut self, units: i128) {
        self.spent = self.spent.saturating_add(units).max(0);
    }

    fn give_back(&mut self, reserved: i128) {
        self.reserved = self.reserved.saturating_sub(reserved).max(0);
    }
}

impl Warned {
    const fn new(number: i64) -> Self {
        Self { number, refused: 0, would_refuse: 0 }
    }
}

/// Returns whether the bit was not set before.
const fn insert_bit(bits: &mut u8, bit: u8) -> bool {
    let is_new = *bits & bit == 0;
    *bits |= bit;
    is_new
}
