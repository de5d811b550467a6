//! Signs of a task that does not end by itself.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::Usd;

use crate::alert::Alerts;
use crate::record::CallRecord;
use crate::sync::{Mutex, lock};
use crate::{AlertKind, Scope, ScopeKind, StepKind, Totals};

/// As many different calls of a task are told apart; beyond it the one that came first is forgotten.
const MAX_CALLS: usize = 64;
/// The time of a spend rate is counted in so many parts.
const PARTS: u32 = 32;

/// When a task looks like one that does not end by itself.
///
/// Each sign is told once for a task. Where the rule is enforced, the task is stopped besides: its next call is refused.
///
/// ```
/// use std::time::Duration;
/// use outlay_ledger::RunawayRule;
/// use outlay_price::Usd;
///
/// let rule = RunawayRule::new()
///     .same_call(5)
///     .turns_without_progress(20)
///     .spend_rate(Usd::from_dollars(2), Duration::from_secs(60))
///     .enforce();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunawayRule {
    same_call: Option<u32>,
    idle_turns: Option<u32>,
    rate: Option<(Usd, Duration)>,
    enforced: bool,
}

/// What makes a task look like one that does not end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runaway {
    /// The same request, to the byte, was answered so many times.
    SameCall {
        /// The model that was asked.
        model: Arc<str>,
        /// How often.
        times: u32,
    },
    /// So many turns came one after the other of which none ended the model's turn, and between them no agent and no tool
    /// succeeded.
    TurnsWithoutProgress {
        /// How many.
        turns: u32,
    },
    /// More was spent than the limit within the time.
    SpendRate {
        /// How much.
        spent: Usd,
        /// Within how long.
        within: Duration,
    },
}

impl RunawayRule {
    /// No sign yet, and nothing is stopped.
    pub const fn new() -> Self {
        Self { same_call: None, idle_turns: None, rate: None, enforced: false }
    }

    /// The same request, to the byte, answered so many times in one task; at least 2. Failed calls do not count.
    #[must_use]
    pub const fn same_call(mut self, times: u32) -> Self {
        self.same_call = Some(if times < 2 { 2 } else { times });
        self
    }

    /// So many turns in a row without progress. It is progress when the model ends its turn with an answer, and when
    /// something ends without having failed: an agent, a tool, a retrieval, or another step in which no model is asked.
    #[must_use]
    pub const fn turns_without_progress(mut self, turns: u32) -> Self {
        self.idle_turns = Some(if turns < 1 { 1 } else { turns });
        self
    }

    /// More than this much money within this time.
    #[must_use]
    pub const fn spend_rate(mut self, limit: Usd, within: Duration) -> Self {
        self.rate = Some((limit, within));
        self
    }

    /// Stops the task, too. Defaults to telling alone.
    #[must_use]
    pub const fn enforce(mut self) -> Self {
        self.enforced = true;
        self
    }

    /// Whether the task is stopped.
    pub const fn is_enforced(&self) -> bool {
        self.enforced
    }

    /// Whether requests are to be told apart.
    pub const fn compares_calls(&self) -> bool {
        self.same_call.is_some()
    }
}

impl Runaway {
    /// The sign's name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SameCall { .. } => "same_call",
            Self::TurnsWithoutProgress { .. } => "turns_without_progress",
            Self::SpendRate { .. } => "spend_rate",
        }
    }
}

impl fmt::Display for Runaway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameCall { model, times } => write!(f, "the same call to `{model}` was answered {times} times"),
            Self::TurnsWithoutProgress { turns } => write!(f, "{turns} turns in a row brought no progress"),
            Self::SpendRate { spent, within } => write!(f, "{spent} was spent within {within:?}"),
        }
    }
}

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

    /// Something has ended without having failed.
    pub(crate) fn progress(&self) {
        lock(&self.state).idle = 0;
    }

    /// Begins anew: a task that goes on after a stop is watched as before.
    pub(crate) fn reset(&self) {
        *lock(&self.state) = State::default();
    }

    /// The signs that a call has brought, and that have not been told yet.
    fn call(&self, call: &CallRecord) -> Vec<Runaway> {
        let (rule, mut state) = (&self.rule, lock(&self.state));
        let signs =
            [state.same_call(rule, call), state.turn(rule, call), state.spend(rule, call.charge.total(), call.ended)];
        signs.into_iter().flatten().collect()
    }

    /// The same of a charge.
    fn charge(&self, amount: Usd, at: SystemTime) -> Option<Runaway> {
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

impl Scope {
    /// Looks for signs of a runaway in this task and in those around it.
    pub(crate) fn watch_call(&self, call: &CallRecord, alerts: &mut Alerts) {
        self.watch(alerts, |watch| watch.call(call));
    }

    /// The same of a charge.
    pub(crate) fn watch_charge(&self, amount: Usd, at: SystemTime, alerts: &mut Alerts) {
        self.watch(alerts, |watch| watch.charge(amount, at).into_iter().collect());
    }

    /// The scope has ended without having failed.
    pub(crate) fn ended_well(&self, totals: &Totals) {
        let is_progress = match self.kind() {
            ScopeKind::Task | ScopeKind::Agent | ScopeKind::Step(StepKind::Tool | StepKind::Retrieve) => true,
            // Around a turn alone it tells no more than the turn.
            ScopeKind::Step(_) => totals.turns() == 0,
        };
        if !is_progress {
            return;
        }
        for task in self.0.task.chain() {
            if let Some(watch) = task.watch() {
                watch.progress();
            }
        }
    }

    fn watch(&self, alerts: &mut Alerts, look: impl Fn(&Watch) -> Vec<Runaway>) {
        let around = std::iter::successors(Some(self), |scope| scope.parent());
        for task in around.filter(|scope| matches!(scope.kind(), ScopeKind::Task)) {
            let Some(watch) = task.0.task.watch() else { continue };
            for sign in look(watch) {
                if watch.rule.enforced {
                    task.stop(&sign.to_string());
                }
                alerts.push_of(task, AlertKind::Runaway(sign));
            }
        }
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
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
