//! A ledger with a fake clock and fake ids, and calls at the bundled prices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use outlay_ledger::{AttemptRecord, CallRecord, Clock, IdSource, Ledger, Scope, TaskSpec};
use outlay_price::{Charge, CostStatus, ModelRef, PriceQuery, Prices, Usage};
use outlay_report::{Report, Style};
use uuid::Uuid;

pub(crate) const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
pub(crate) const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

pub(crate) const UNICODE: Style = Style { unicode: true, ..Style::plain() };

/// Milliseconds since the fixture's epoch, advanced by hand.
#[derive(Clone, Debug, Default)]
struct FakeClock(Arc<AtomicU64>);

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        // 2026-11-20T12:00:00Z
        SystemTime::UNIX_EPOCH
            + Duration::from_secs(1_795_176_000)
            + Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Default)]
struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn next_id(&self) -> Uuid {
        Uuid::from_u64_pair(0, self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) ledger: Ledger,
    clock: FakeClock,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_records(1_000)
    }

    /// Returns a fixture whose reports keep at most `records` records of a task.
    pub(crate) fn with_records(records: u32) -> Self {
        let clock = FakeClock::default();
        let ids = CountingIds::default();
        let ledger = Ledger::builder().clock(clock.clone()).ids(ids).report_records(records).build();
        Self { ledger, clock }
    }

    pub(crate) fn task(&self, name: &str) -> Scope {
        self.ledger.task(TaskSpec::new(name))
    }

    /// Advances the clock.
    pub(crate) fn advance(&self, millis: u64) {
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Makes a call that takes `millis` and settles.
    pub(crate) fn call(&self, scope: &Scope, millis: u64, call: CallRecord) {
        let open = scope.open_call_unchecked();
        let started = self.ledger.now();
        self.advance(millis);
        open.settle(CallRecord { started, ended: self.ledger.now(), ..call });
    }
}

/// Returns a successful call of one attempt, at the bundled price.
pub(crate) fn call(model: &str, usage: Usage) -> CallRecord {
    let charge = ModelRef::parse(model).ok().and_then(|model| {
        let at = "2026-11-20T12:00:00Z".parse().unwrap();
        let query = PriceQuery { region: Some("us-east-1"), ..PriceQuery::new(model, at) };
        Prices::bundled().lookup(&query).map(|price| price.charge(&usage))
    });
    let price_version = charge.map(|_| Prices::bundled().version().into());
    let charge = charge.unwrap_or(Charge::unpriced());
    let answered = CallRecord::answered(model.into(), usage, charge, SystemTime::UNIX_EPOCH);
    CallRecord { attempts: vec![attempt(200)], price_version, ..answered }
}

pub(crate) fn attempt(status: u16) -> AttemptRecord {
    AttemptRecord { status: Some(status), error: None }
}

pub(crate) fn error(status: Option<u16>, error: &str) -> AttemptRecord {
    AttemptRecord { status, error: Some(error.into()) }
}

pub(crate) fn usage(input: u64, output: u64) -> Usage {
    Usage::new().with_uncached_input(input).with_output(output)
}

/// Returns the call with a weaker status.
pub(crate) fn with_status(call: CallRecord, status: CostStatus) -> CallRecord {
    CallRecord { charge: call.charge.with_status(status), ..call }
}

pub(crate) fn report(scope: &Scope) -> Report {
    Report::new(scope.task_record())
}
