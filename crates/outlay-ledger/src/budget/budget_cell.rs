use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::budget_store::{BudgetStore, StoreBudget, StoreHold};
use super::call_bound::Bound;
use super::exceeded::BudgetOwner;
use super::{Amount, Budget, BudgetExceeded, BudgetStatus, Period, RefusalReason, Reserve};
use crate::money::Spent;
use crate::sync::{Mutex, MutexGuard, lock};

/// The maximum number of refusals that are kept; all are counted.
const MAX_REFUSALS: usize = 100;
/// How long a trial trusts the last answer of a store.
const STORE_ANSWER_LIFETIME: Duration = Duration::from_secs(1);
/// The maximum number of other periods without open calls that are kept.
const MAX_OTHER_PERIODS: usize = 3;

/// A budget in force.
#[derive(Debug)]
pub(crate) struct BudgetCell {
    /// The name of its scope, or of the budget itself.
    pub(crate) name: Arc<str>,
    /// Whose it is. Budgets for different values of a rule's keys have the rule's name.
    whose: BudgetOwner,
    /// A number that increases with each new budget.
    pub(super) serial: u64,
    /// Whether it limits each call separately, and so keeps no sums.
    each_call: bool,
    /// Its key in a store for several processes. The spent and reserved amounts are then those of the store's last
    /// answer.
    store_key: Option<Arc<str>>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    budget: Budget,
    /// The limits of other rules with this name, if the code and the policy set several. All of them apply.
    other_limits: Vec<Budget>,
    /// The amounts of the current period.
    current: PeriodAmounts,
    /// The amounts of other periods: those with open calls, and a few more. A clock that jumped ahead may return to them.
    other_periods: Vec<PeriodAmounts>,
    refused: u64,
    would_refuse: u64,
    /// The refusals that have been reported.
    reported: ReportedReasons,
    refusals: Vec<BudgetExceeded>,
    /// When a store last reported the amounts.
    store_answered: Option<SystemTime>,
}

/// A budget that refused a call or would have, with the refusal.
pub(crate) type Refused = (Arc<BudgetCell>, BudgetExceeded);

/// The amounts of one period.
#[derive(Clone, Copy, Debug)]
struct PeriodAmounts {
    number: i64,
    spent: i128,
    reserved: i128,
    soft_reported: bool,
}

/// The reasons of the refusals that have been reported in a period.
#[derive(Debug)]
struct ReportedReasons {
    number: i64,
    /// One bit per reason.
    refused: u8,
    would_refuse: u8,
}

/// The result of checking a call against a budget.
pub(super) enum Verdict {
    /// The call fits. `units` is to be reserved in the period `number`.
    Fits { units: i128, number: i64 },
    /// Like `Fits`, for an observing budget that would have refused the call.
    Observed { units: i128, number: i64, refusal: BudgetExceeded },
    /// The call is refused.
    Refused(BudgetExceeded),
    /// A store must be asked. An observing budget may have a refusal already.
    Shared { hold: Box<StoreHold>, refusal: Option<BudgetExceeded> },
}

impl BudgetCell {
    pub(crate) fn new(name: Arc<str>, budget: Budget) -> Self {
        let mut cell = Self::for_rule(name, budget, None);
        cell.whose.is_rule = false;
        cell
    }

    /// Creates the budget of a rule, which starts at zero in each period.
    pub(super) fn for_rule(name: Arc<str>, budget: Budget, period: Option<Period>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            whose: BudgetOwner { name: name.clone(), is_rule: true, period },
            name,
            serial,
            each_call: false,
            store_key: None,
            state: Mutex::new(State::new(budget)),
        }
    }

    /// Creates the budget of a rule that limits each call separately.
    pub(super) fn each_call(name: Arc<str>, budget: Budget) -> Self {
        Self { each_call: true, ..Self::for_rule(name, budget, None) }
    }

    /// Creates a budget that a store keeps for several processes.
    pub(super) fn shared(key: Arc<str>, name: Arc<str>, budget: Budget, period: Option<Period>) -> Self {
        Self { store_key: Some(key), ..Self::for_rule(name, budget, period) }
    }

    /// Sets the name of the rule, if it differs from that of the budget.
    pub(super) fn of_rule(mut self, rule: Arc<str>) -> Self {
        self.whose.name = rule;
        self
    }

    /// Returns a refusal by this budget.
    pub(super) fn refusal(&self, model: &Arc<str>, status: BudgetStatus, reason: RefusalReason) -> BudgetExceeded {
        BudgetExceeded::new(self.name.clone(), self.whose.clone(), model.clone(), status, reason)
    }

    /// Returns whether the budget belongs to a rule.
    pub(crate) const fn is_of_rule(&self) -> bool {
        self.whose.is_rule
    }

    /// Returns whether a store keeps the budget.
    pub(crate) const fn is_shared(&self) -> bool {
        self.store_key.is_some()
    }

    pub(crate) fn status(&self) -> BudgetStatus {
        lock(&self.state).status()
    }

    pub(crate) fn refusals(&self) -> Vec<BudgetExceeded> {
        lock(&self.state).refusals.clone()
    }

    /// Replaces the limits.
    pub(super) fn set_budgets(&self, budget: Budget, other_limits: Vec<Budget>) {
        let mut state = lock(&self.state);
        if state.budget != budget || state.other_limits != other_limits {
            (state.budget, state.other_limits) = (budget, other_limits);
            // A soft limit that is now above the spending is reported again when it is reached.
            state.current.soft_reported &= state.has_reached_soft();
            state.reported = ReportedReasons::new(state.reported.number);
        }
    }

    /// Returns what has been spent in the period of a time, in the smallest unit of the limit. For a budget that a store
    /// keeps, see [`spent_in`](Self::spent_in).
    pub(super) fn spent_at(&self, now: SystemTime) -> i128 {
        let (state, number) = (lock(&self.state), self.number(now));
        if !state.is_due(number) {
            return state.current.spent;
        }
        // What `switch_to` will find.
        let is_of_this = |amounts: &&PeriodAmounts| match number > state.current.number {
            true => amounts.number == number,
            false => amounts.number >= number,
        };
        state.all().filter(is_of_this).fold(0, |sum, amounts| sum.saturating_add(amounts.spent))
    }

    /// Returns whether the budget has an open call, or spending in a period that has not ended.
    pub(super) fn has_current_amounts(&self, now: SystemTime) -> bool {
        let state = lock(&self.state);
        let is_over =
            |amounts: &PeriodAmounts| self.whose.period.is_some_and(|period| period.number(now) > amounts.number);
        state.all().any(|amounts| amounts.reserved != 0 || (amounts.spent != 0 && !is_over(amounts)))
    }

    /// Returns whether any amount is spent or reserved, even in a period that has ended.
    pub(super) fn has_amounts(&self) -> bool {
        lock(&self.state).all().any(|amounts| amounts.reserved != 0 || amounts.spent != 0)
    }

    /// Returns whether the budget limits each call separately.
    pub(crate) const fn is_each_call(&self) -> bool {
        self.each_call
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Checks whether the bound fits. A refusal is not counted yet, since the call may still be made another way.
    #[inline]
    pub(super) fn check(&self, state: &mut State, bound: &Bound<'_>, now: SystemTime, is_trial: bool) -> Verdict {
        if let Some(key) = &self.store_key {
            return self.check_shared(key, state, bound, now, is_trial);
        }
        let number = self.start_due_period(state, now);
        let (mut units, refusal) = self.check_limit(state, bound, &state.budget);
        let mut refused = refusal.map(|refusal| (&state.budget, refusal));
        for budget in &state.other_limits {
            let (more, refusal) = self.check_limit(state, bound, budget);
            units = units.max(more);
            // A refusal by an enforced limit takes precedence over one by an observed limit.
            let takes_precedence = refused.as_ref().is_none_or(|(known, _)| known.observed && !budget.observed);
            refused = refusal.filter(|_| takes_precedence).map(|refusal| (budget, refusal)).or(refused);
        }
        match refused {
            Some((budget, refusal)) => refuse(budget, refusal, units, number),
            None => Verdict::Fits { units, number },
        }
    }

    /// Returns the amount to reserve under one limit, and the refusal if it does not fit.
    #[inline]
    fn check_limit(&self, state: &State, bound: &Bound<'_>, budget: &Budget) -> (i128, Option<BudgetExceeded>) {
        match bound.units(budget) {
            Some(units) if state.has_room(budget, units) => (units, None),
            Some(units) => (units, Some(self.over_limit(state, bound, budget, units))),
            None if budget.allow_unpriced => (0, None),
            None => (0, Some(self.exceeded(state, bound, budget, RefusalReason::Unpriced))),
        }
    }

    /// Prepares the request to the store, which alone refuses. Only a trial is refused here, if the last answer of the
    /// store is recent and leaves no room: a call that the store refuses can no longer be made another way.
    // Most budgets do not take this path.
    #[cold]
    fn check_shared(
        &self,
        key: &Arc<str>,
        state: &State,
        bound: &Bound<'_>,
        now: SystemTime,
        is_trial: bool,
    ) -> Verdict {
        let is_recent = |answered| now.duration_since(answered).is_ok_and(|ago| ago < STORE_ANSWER_LIFETIME);
        let is_fresh = is_trial && state.store_answered.is_some_and(is_recent);
        let mut unpriced = None;
        for budget in state.budgets() {
            match bound.units(budget) {
                Some(units) if !budget.observed && is_fresh && !state.has_room(budget, units) => {
                    return Verdict::Refused(self.over_limit(state, bound, budget, units));
                }
                None if !budget.allow_unpriced => {
                    let refusal = self.exceeded(state, bound, budget, RefusalReason::Unpriced);
                    if !budget.observed {
                        return Verdict::Refused(refusal);
                    }
                    unpriced = Some(refusal);
                }
                _ => {}
            }
        }
        let hold = Box::new(self.hold(key, state, |budget| bound.units(budget).unwrap_or(0)));
        Verdict::Shared { hold, refusal: unpriced }
    }

    /// Returns the request to the store. `units` gives the amount under each limit, but the store takes one amount and
    /// one limit: the largest amount fits that limit if and only if each amount fits its own. Observed limits are left
    /// out if another limit is enforced.
    fn hold(&self, key: &Arc<str>, state: &State, units: impl Fn(&Budget) -> i128) -> StoreHold {
        let unit = state.budget.limit;
        let observed = state.budgets().all(|budget| budget.observed);
        let applicable = || state.budgets().filter(|budget| budget.observed == observed);
        let most = applicable().map(&units).max().unwrap_or(0);
        let left = applicable().map(|budget| budget.limit.units().saturating_sub(units(budget))).min().unwrap_or(0);
        let mut budget = StoreBudget::new(key.clone(), unit.with_units(left.saturating_add(most)));
        budget.period = self.whose.period;
        budget.soft_from = state.soft_from().map(|units| unit.with_units(units));
        budget.observed = observed;
        StoreHold::new(budget, unit.with_units(most))
    }

    /// Returns the store's entry for spending without a reservation, or `None` if no store keeps the budget.
    pub(super) fn unreserved(&self) -> Option<StoreHold> {
        Some(self.hold(self.store_key.as_ref()?, &lock(&self.state), |_| 0))
    }

    /// Returns what the store knows to be spent, in the smallest unit of the limit. Must be called without a lock, since
    /// the store may take its own.
    pub(super) fn spent_in(&self, store: &dyn BudgetStore) -> Option<i128> {
        let hold = self.unreserved()?;
        let spent = store.spent(&hold.budget)?;
        // A store that answers in another unit does not know this budget.
        (spent.unit() == hold.budget.limit.unit()).then(|| spent.units())
    }

    /// Takes over the amounts that the store reported. Returns the status and the reserve mode.
    pub(super) fn take_store_amounts(
        &self,
        spent: Amount,
        reserved: Amount,
        now: SystemTime,
    ) -> (BudgetStatus, Reserve) {
        let mut state = lock(&self.state);
        (state.current.spent, state.current.reserved) = (spent.units(), reserved.units());
        state.store_answered = Some(now);
        (state.status(), state.strictest().reserve)
    }

    #[cold]
    fn over_limit(&self, state: &State, bound: &Bound<'_>, budget: &Budget, units: i128) -> BudgetExceeded {
        let assumed = bound.assumed_output(budget);
        let reason = RefusalReason::OverLimit { bound: budget.limit.with_units(units), assumed_output: assumed };
        self.exceeded(state, bound, budget, reason).reserving(budget.reserve)
    }

    /// Reserves an amount. The caller holds the same lock as during the check.
    pub(super) fn reserve(&self, state: &mut State, units: i128) {
        if !self.each_call {
            state.current.reserved = state.current.reserved.saturating_add(units);
        }
    }

    /// Counts a refused call, and marks the first refusal of each reason in a period. `is_first` overrides the mark for a
    /// budget that limits each call separately, which has no period.
    pub(crate) fn count_refused(
        &self,
        refusal: BudgetExceeded,
        now: SystemTime,
        is_first: Option<bool>,
    ) -> BudgetExceeded {
        let mut state = lock(&self.state);
        let is_new = insert_bit(&mut state.reported_in(self.number(now)).refused, refusal.reason().bit());
        let refusal = refusal.at(now, is_first.unwrap_or(is_new));
        state.refused += 1;
        if state.refusals.len() < MAX_REFUSALS {
            state.refusals.push(refusal.clone());
        }
        refusal
    }

    /// Counts a call that an observing budget would have refused. See [`count_refused`](Self::count_refused).
    pub(crate) fn count_would_refuse(
        &self,
        refusal: BudgetExceeded,
        now: SystemTime,
        is_first: Option<bool>,
    ) -> BudgetExceeded {
        let mut state = lock(&self.state);
        let is_new = insert_bit(&mut state.reported_in(self.number(now)).would_refuse, refusal.reason().bit());
        state.would_refuse += 1;
        refusal.at(now, is_first.unwrap_or(is_new))
    }

    fn number(&self, now: SystemTime) -> i64 {
        self.whose.period.map_or(0, |period| period.number(now))
    }

    fn exceeded(&self, state: &State, bound: &Bound<'_>, budget: &Budget, reason: RefusalReason) -> BudgetExceeded {
        self.refusal(bound.model, state.status_of(budget), reason)
    }

    /// Replaces a reservation by the spending, atomically. An amount reserved in an earlier period is counted in that
    /// period. Returns the status if the soft limit has just been reached.
    pub(super) fn settle(&self, reserved: i128, number: i64, spent: &Spent) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        if self.each_call {
            return None;
        }
        let units = spent.units(state.budget.limit);
        if let Some(own_period) = state.other_periods.iter_mut().find(|amounts| amounts.number == number) {
            own_period.release(reserved);
            own_period.spend(units);
            return None;
        }
        if number < state.current.number {
            // The period is over and no longer kept.
            return None;
        }
        // A call that began while the clock had jumped ahead counts in the current period.
        state.current.release(reserved);
        state.spend(units)
    }

    /// Counts spending without a reservation. Returns the status if the soft limit has just been reached.
    pub(crate) fn spend(&self, spent: &Spent, now: SystemTime) -> Option<BudgetStatus> {
        let mut state = lock(&self.state);
        if self.each_call {
            return None;
        }
        self.start_due_period(&mut state, now);
        let units = spent.units(state.budget.limit);
        state.spend(units)
    }

    /// Starts a new period if one is due. Returns the number of the current period.
    fn start_due_period(&self, state: &mut State, now: SystemTime) -> i64 {
        let number = self.number(now);
        if state.is_due(number) {
            state.switch_to(number);
        }
        state.current.number
    }
}

/// Returns the budget with the lowest limit. Enforced limits come before observed ones.
pub(super) fn strictest<'a>(budgets: impl IntoIterator<Item = &'a Budget>) -> Option<Budget> {
    budgets.into_iter().min_by_key(|budget| (budget.observed, budget.limit.units())).copied()
}

fn refuse(budget: &Budget, refusal: BudgetExceeded, units: i128, number: i64) -> Verdict {
    match budget.observed {
        true => Verdict::Observed { units, number, refusal },
        false => Verdict::Refused(refusal),
    }
}

impl State {
    fn new(budget: Budget) -> Self {
        Self {
            budget,
            other_limits: Vec::new(),
            current: PeriodAmounts::new(i64::MIN),
            other_periods: Vec::new(),
            refused: 0,
            would_refuse: 0,
            reported: ReportedReasons::new(i64::MIN),
            refusals: Vec::new(),
            store_answered: None,
        }
    }

    /// Returns whether the budget has to switch to the period with this number. A clock that is set back by less than a
    /// period does not return to the previous period.
    const fn is_due(&self, number: i64) -> bool {
        number > self.current.number || number < self.current.number.saturating_sub(1)
    }

    /// Switches to another period, with its kept amounts. If the clock had jumped ahead and is back, the amounts of the
    /// later periods are added to this one.
    fn switch_to(&mut self, number: i64) {
        let before = std::mem::replace(&mut self.current, PeriodAmounts::new(number));
        if before.spent != 0 || before.reserved != 0 {
            self.other_periods.push(before);
        }
        let (mut folded, others) = (self.current, std::mem::take(&mut self.other_periods));
        self.other_periods.extend(others.into_iter().filter(|amounts| {
            let is_of_this = amounts.number >= number;
            if is_of_this {
                folded.fold(amounts);
            }
            !is_of_this
        }));
        self.current = folded;
        self.other_periods.sort_unstable_by_key(|amounts| std::cmp::Reverse(amounts.number));
        let mut kept = 0;
        self.other_periods.retain(|amounts| {
            kept += usize::from(amounts.spent != 0 && amounts.reserved == 0);
            amounts.reserved != 0 || (amounts.spent != 0 && kept <= MAX_OTHER_PERIODS)
        });
        (self.refused, self.would_refuse) = (0, 0);
    }

    fn all(&self) -> impl Iterator<Item = &PeriodAmounts> {
        std::iter::once(&self.current).chain(&self.other_periods)
    }

    /// Returns the reported refusals of a period.
    fn reported_in(&mut self, number: i64) -> &mut ReportedReasons {
        if self.reported.number != number {
            self.reported = ReportedReasons::new(number);
        }
        &mut self.reported
    }

    const fn has_room(&self, budget: &Budget, units: i128) -> bool {
        self.current.spent.saturating_add(self.current.reserved).saturating_add(units) <= budget.limit.units()
    }

    pub(super) fn budgets(&self) -> impl Iterator<Item = &Budget> {
        std::iter::once(&self.budget).chain(&self.other_limits)
    }

    /// Returns the lowest limit. Enforced limits come before observed ones.
    fn strictest(&self) -> Budget {
        strictest(self.budgets()).unwrap_or(self.budget)
    }

    fn soft_from(&self) -> Option<i128> {
        self.budgets().filter_map(Budget::soft_from).min()
    }

    fn has_reached_soft(&self) -> bool {
        self.soft_from().is_some_and(|from| self.current.spent >= from)
    }

    fn spend(&mut self, units: i128) -> Option<BudgetStatus> {
        self.current.spend(units);
        (self.has_reached_soft() && !std::mem::replace(&mut self.current.soft_reported, true)).then(|| self.status())
    }

    fn status(&self) -> BudgetStatus {
        self.status_of(&self.strictest())
    }

    /// Returns the status under one of the limits.
    fn status_of(&self, budget: &Budget) -> BudgetStatus {
        let limit = budget.limit;
        BudgetStatus {
            limit,
            spent: limit.with_units(self.current.spent),
            reserved: limit.with_units(self.current.reserved),
            refused: self.refused,
            would_refuse: self.would_refuse,
        }
    }
}

impl PeriodAmounts {
    const fn new(number: i64) -> Self {
        Self { number, spent: 0, reserved: 0, soft_reported: false }
    }

    fn fold(&mut self, other: &Self) {
        self.spent = self.spent.saturating_add(other.spent);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.soft_reported |= other.soft_reported;
    }

    /// Adds to the spending. A refund returns at most what was spent.
    fn spend(&mut self, units: i128) {
        self.spent = self.spent.saturating_add(units).max(0);
    }

    fn release(&mut self, reserved: i128) {
        self.reserved = self.reserved.saturating_sub(reserved).max(0);
    }
}

impl ReportedReasons {
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
