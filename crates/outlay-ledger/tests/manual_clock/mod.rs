//! A clock that is set by hand, and short ways to make calls.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use outlay_ledger::{Ask, CallRecord, Clock, PendingCall, Refusal, Scope};
use outlay_price::{Charge, Usage, Usd};

/// A wall clock and a monotonic clock, both set by the test.
#[derive(Clone, Debug)]
pub(crate) struct Hand(Arc<Mutex<(SystemTime, Duration)>>);

impl Hand {
    /// At noon of a day.
    pub(crate) fn new() -> Self {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + 43_200);
        Self(Arc::new(Mutex::new((noon, Duration::from_secs(1_000)))))
    }

    /// Time passes.
    pub(crate) fn pass(&self, seconds: u64) {
        let mut times = self.0.lock().unwrap();
        times.0 += Duration::from_secs(seconds);
        times.1 += Duration::from_secs(seconds);
    }

    /// Somebody sets the clock.
    pub(crate) fn jump(&self, seconds: i64) {
        let mut times = self.0.lock().unwrap();
        let by = Duration::from_secs(seconds.unsigned_abs());
        times.0 = if seconds >= 0 { times.0 + by } else { times.0 - by };
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// Begins a call that may cost so much; `None` has no price.
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

/// Dollars.
pub(crate) fn d(dollars: i64) -> Usd {
    Usd::from_dollars(dollars)
}

pub(crate) fn record(cost: Usd) -> CallRecord {
    CallRecord::answered("m".into(), Usage::new().with_output(7), Charge::external(cost), SystemTime::UNIX_EPOCH)
}
