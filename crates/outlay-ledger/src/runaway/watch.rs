//! What a task did so far, held against its runaway rule.

use std::collections::VecDeque;
use std::time::SystemTime;

use outlay_price::Usd;

use super::{Runaway, RunawayRule};
use crate::record::CallRecord;
use crate::sync::{Mutex, lock};

/// As many different calls of a task are told apart; beyond it the one that came first is forgotten.
const MAX_CALLS: usize = 64;
/// The time of a spend rate is counted in so many parts.
const PARTS: u32 = 32;

/// What is watched of one task, under the rule that held when it started.
#[derive(Debug)]
pub(crate) struct Watch {
    rule: RunawayRule,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The requests that were answered, the one that came first in front.
    calls: VecDeque<(u64, u32)>,
    idle: u32,
    spent: VecDeque<(SystemTime, Usd)>,
    told: Told,
}

/// The signs that have been told.
#[derive(Debug, Default)]
struct Told {
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

    /// Something has ended without having failed.
    pub(crate) fn progress(&self) {
        lock(&self.state).idle = 0;
    }

    /// Begins anew: a task that goes on after a stop is watched as before.
    pub(crate) fn reset(&self) {
        *lock(&self.state) = State::default();
    }

    /// The signs that a call has brought, and that have not been told yet.
    pub(crate) fn call(&self, call: &CallRecord) -> Vec<Runaway> {
        let (rule, mut state) = (&self.rule, lock(&self.state));
        let signs =
            [state.same_call(rule, call), state.turn(rule, call), state.spend(rule, call.charge.total(), call.ended)];
        signs.into_iter().flatten().collect()
    }

    /// The same of a charge.
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
        let first = times >= limit && !std::mem::replace(&mut self.told.same_call, times >= limit);
        first.then(|| Runaway::SameCall { model: call.model.clone(), times })
    }

    fn turn(&mut self, rule: &RunawayRule, call: &CallRecord) -> Option<Runaway> {
        let limit = rule.idle_turns?;
        if call.operation != "chat" || call.failed {
            return None;
        }
        self.idle = if call.ends_turn { 0 } else { self.idle.saturating_add(1) };
        let turns = self.idle;
        let first = turns >= limit && !std::mem::replace(&mut self.told.idle, true);
        first.then_some(Runaway::TurnsWithoutProgress { turns })
    }

    fn spend(&mut self, rule: &RunawayRule, amount: Usd, at: SystemTime) -> Option<Runaway> {
        let (limit, within) = rule.rate?;
        let part = within / PARTS;
        // A clock that had jumped ahead and is back: what was spent meanwhile was spent now.
        self.spent.iter_mut().filter(|(since, _)| *since > at).for_each(|(since, _)| *since = at);
        match self.spent.back_mut() {
            // What comes close to the one before is counted with it: as many entries as the time has parts.
            Some((since, sum)) if at.duration_since(*since).is_ok_and(|age| age < part) => {
                *sum = sum.saturating_add(amount);
            }
            _ => self.spent.push_back((at, amount)),
        }
        while self.spent.front().is_some_and(|(since, _)| at.duration_since(*since).is_ok_and(|age| age > within)) {
            self.spent.pop_front();
        }
        // A clock that goes back must not make it grow.
        if self.spent.len() > PARTS as usize + 1 {
            self.spent.pop_front();
        }
        let spent = self.spent.iter().fold(Usd::ZERO, |sum, (_, amount)| sum.saturating_add(*amount));
        let first = spent > limit && !std::mem::replace(&mut self.told.rate, true);
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
    fn a_spend_rate_forgets_what_is_over_and_is_told_once() {
        let rule = RunawayRule::new().spend_rate(Usd::from_cents(3), Duration::from_secs(64));
        let watch = Watch::new(rule);
        for second in 0..10 {
            // One each 25 seconds: never more than three within 64.
            assert_eq!(watch.charge(CENT, at(second * 25)), None);
        }
        let told: Vec<_> = (0..5).filter_map(|_| watch.charge(CENT, at(226))).collect();
        assert_eq!(told, [Runaway::SpendRate { spent: Usd::from_cents(4), within: Duration::from_secs(64) }]);
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
