//! A clock that is set by hand, and helpers for calls.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use outlay_ledger::{Ask, CallRecord, Clock, PendingCall, Refusal, Scope};
use outlay_price::{Charge, Usage, Usd};

/// A wall clock and a monotonic clock, both set by the test.
#[derive(Clone, Debug)]
pub(crate) struct ManualClock(Arc<Mutex<(SystemTime, Duration)>>);

impl ManualClock {
    /// Returns a clock at noon of a day.
    pub(crate) fn new() -> Self {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + 43_200);
        Self(Arc::new(Mutex::new((noon, Duration::from_secs(1_000)))))
    }

    /// Advances both clocks.
    pub(crate) fn advance(&self, seconds: u64) {
        let mut times = self.0.lock().unwrap();
        times.0 += Duration::from_secs(seconds);
        times.1 += Duration::from_secs(seconds);
    }

    /// Sets the wall clock forward or back.
    pub(crate) fn jump(&self, seconds: i64) {
        let mut times = self.0.lock().unwrap();
        let by = Duration::from_secs(seconds.unsigned_abs());
        times.0 = if seconds >= 0 { times.0 + by } else { times.0 - by };
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// Opens a call with this bound. `None` means that it has no price.
pub(crate) fn begin(scope: &Scope, usd: Option<Usd>) -> Result<PendingCall, Refusal> {
    begin_model(scope, usd, "m")
}

pub(crate) fn begin_model(scope: &Scope, usd: Option<Usd>, model: &str) -> Result<PendingCall, Refusal> {
    let ask = Ask {
        model: &model.into(),
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| usd,
    };
    scope.open_call(&ask)
}

/// Returns an amount in dollars.
pub(crate) fn dollars(dollars: i64) -> Usd {
    Usd::from_dollars(dollars)
}

pub(crate) fn record(cost: Usd) -> CallRecord {
    CallRecord::answered("m".into(), Usage::new().with_output(7), Charge::external(cost), SystemTime::UNIX_EPOCH)
}
