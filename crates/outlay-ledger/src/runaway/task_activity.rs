//! The activity of a task, checked against its runaway rule.

use std::collections::VecDeque;
use std::time::SystemTime;

use outlay_price::Usd;

use super::{Runaway, RunawayRule};
use crate::record::CallRecord;
use crate::sync::{Mutex, lock};

/// The maximum number of different requests that are remembered for a task. The oldest is dropped first.
const MAX_CALLS: usize = 64;
/// The number of parts that the time of a spend rate is divided into.
const PARTS: u32 = 32;

/// The runaway detection of a task, under the rule in force when it started.
#[derive(Debug)]
pub(crate) struct Watch {
    rule: RunawayRule,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The fingerprints of answered requests with their counts, oldest first.
    calls: VecDeque<(u64, u32)>,
    idle: u32,
    spent: VecDeque<(SystemTime, Usd)>,
    reported: Reported,
}

/// The signs that have been reported.
#[derive(Debug, Default)]
struct Reported {
    same_call: bool,
    idle: bool,
    rate: bool,
}

impl Watch {
    pub(crate) fn new(rule: RunawayRule) -> Self {
        Self { rule, state: Mutex::default() }
    }

    pub(crate) const fn is_enforced(&self) -> bool {
        self.rule.is_enforced()
    }

    /// Records progress: a scope ended without failure.
    pub(crate) fn progress(&self) {
        lock(&self.state).idle = 0;
    }

    /// Starts over, for a task that is resumed after a stop.
    pub(crate) fn reset(&self) {
        *lock(&self.state) = State::default();
    }

    /// Records a call. Returns its signs that have not been reported yet.
    pub(crate) fn call(&self, call: &CallRecord) -> Vec<Runaway> {
        let (rule, mut state) = (&self.rule, lock(&self.state));
        let signs =
            [state.same_call(rule, call), state.turn(rule, call), state.spend(rule, call.charge.total(), call.ended)];
        signs.into_iter().flatten().collect()
    }

    /// Records a charge. Returns its sign, if it has not been reported yet.
    pub(crate) fn charge(&self, amount: Usd, at: SystemTime) -> Option<Runaway> {
        lock(&self.state).spend(&self.rule, amount, at)
    }
}

impl State {
    fn same_call(&mut self, rule: &RunawayRule, call: &CallRecord) -> Option<Runaway> {
        let (limit, fingerprint) = (rule.same_call?, call.fingerprint.filter(|_| !call.failed)?);
        let times = match self.calls.iter_mut().find(|(known, _)| *known == fingerprint) {
            Some((_, times)) => {
                *times = times.saturating_add(1);
                *times
            }
            None => {
                if self.calls.len() >= MAX_CALLS {
                    self.calls.pop_front();
                }
                self.calls.push_back((fingerprint, 1));
                1
            }
        };
        let first = times >= limit && !std::mem::replace(&mut self.reported.same_call, times >= limit);
        first.then(|| Runaway::SameCall { model: call.model.clone(), times })
    }

    fn turn(&mut self, rule: &RunawayRule, call: &CallRecord) -> Option<Runaway> {
        let limit = rule.idle_turns?;
        if call.operation != "chat" || call.failed {
            return None;
        }
        self.idle = if call.ends_turn { 0 } else { self.idle.saturating_add(1) };
        let turns = self.idle;
        let first = turns >= limit && !std::mem::replace(&mut self.reported.idle, true);
        first.then_some(Runaway::TurnsWithoutProgress { turns })
    }

    fn spend(&mut self, rule: &RunawayRule, amount: Usd, at: SystemTime) -> Option<Runaway> {
        let (limit, within) = rule.rate?;
        let part = within / PARTS;
        // If the clock had jumped ahead and is back, spending from that time counts as spent now.
        self.spent.iter_mut().filter(|(since, _)| *since > at).for_each(|(since, _)| *since = at);
        match self.spent.back_mut() {
            // An amount within the same part is added to the last entry, which bounds the number of entries.
            Some((since, sum)) if at.duration_since(*since).is_ok_and(|age| age < part) => {
                *sum = sum.saturating_add(amount);
            }
            _ => self.spent.push_back((at, amount)),
        }
        while self.spent.front().is_some_and(|(since, _)| at.duration_since(*since).is_ok_and(|age| age > within)) {
            self.spent.pop_front();
        }
        // A clock that goes back must not add entries without limit.
        if self.spent.len() > PARTS as usize + 1 {
            self.spent.pop_front();
        }
        let spent = self.spent.iter().fold(Usd::ZERO, |sum, (_, amount)| sum.saturating_add(*amount));
        let first = spent > limit && !std::mem::replace(&mut self.reported.rate, true);
        first.then_some(Runaway::SpendRate { spent, within })
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use std::time::Duration;

    use super::*;

    const CENT: Usd = Usd::from_cents(1);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + seconds)
    }

    #[test]
    fn a_spend_rate_drops_old_amounts_and_is_reported_once() {
        let rule = RunawayRule::new().spend_rate(Usd::from_cents(3), Duration::from_secs(64));
        let watch = Watch::new(rule);
        for second in 0..10 {
            // One every 25 seconds: never more than three within 64.
            assert_eq!(watch.charge(CENT, at(second * 25)), None);
        }
        let reported: Vec<_> = (0..5).filter_map(|_| watch.charge(CENT, at(226))).collect();
        assert_eq!(reported, [Runaway::SpendRate { spent: Usd::from_cents(4), within: Duration::from_secs(64) }]);
        watch.reset();
        assert_eq!(watch.charge(CENT, at(227)), None);
    }

    #[test]
    fn memory_is_bounded_whatever_the_clock_does() {
        let rule = RunawayRule::new().spend_rate(Usd::from_dollars(1_000), Duration::from_secs(60));
        let watch = Watch::new(rule);
        for n in 0..10_000_u64 {
            watch.charge(CENT, at(n * 7_919 % 1_000));
            watch.charge(CENT, at(10_000 - n));
        }
        assert!(lock(&watch.state).spent.len() <= PARTS as usize + 1);
    }
}
