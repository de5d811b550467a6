//! Helpers that open and settle calls.

use std::sync::Arc;
use std::time::SystemTime;

use outlay_ledger::{
    Ask, BudgetExceeded, BudgetRule, CallRecord, Clock, Ledger, LedgerBuilder, PendingCall, Refusal, Scope, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};
use outlay_redis::{Builder, RedisBudgets};

use crate::server::Server;

/// Returns the settings of most tests, with long limits, so that tests pass on a slow machine.
pub(crate) fn settings(server: &Server) -> Builder {
    use std::time::Duration;
    let settings = RedisBudgets::builder(&server.url()).unwrap();
    settings.namespace("test").time_limit(Duration::from_secs(5)).expire_after(Duration::from_secs(60))
}

pub(crate) fn ledger(budgets: &RedisBudgets, rule: BudgetRule) -> LedgerBuilder {
    Ledger::builder().report_records(0).budget_store(budgets.clone()).budget_rule(rule)
}

pub(crate) fn task(ledger: LedgerBuilder) -> Scope {
    ledger.build().task(TaskSpec::new("t"))
}

pub(crate) fn picos(count: i128) -> Usd {
    Usd::from_picos(count)
}

/// Opens a call with a maximum cost, and waits for the store's answer.
pub(crate) async fn open(scope: &Scope, max: Usd) -> Result<PendingCall, BudgetExceeded> {
    let model: Arc<str> = "m".into();
    let mut call = begin(scope, &model, max)?;
    let question = call.ask_store().expect("the ledger has a store");
    let answer = question.answer().await;
    call.store_answered(&model, &answer)?;
    Ok(call)
}

/// Opens a call, waits for the store's answer, and drops the call without processing it.
pub(crate) async fn open_and_drop(scope: &Scope, max: Usd) {
    let model: Arc<str> = "m".into();
    let mut call = begin(scope, &model, max).unwrap();
    let question = call.ask_store().expect("the ledger has a store");
    let _ = question.answer().await;
}

/// Opens a call without asking the store.
pub(crate) fn begin(scope: &Scope, model: &Arc<str>, max: Usd) -> Result<PendingCall, BudgetExceeded> {
    let ask = Ask {
        model,
        input: 0,
        max_output: Some(1),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(max),
    };
    scope.open_call(&ask).map_err(|refusal| match refusal {
        Refusal::Budget(refusal) => refusal,
        other => panic!("{other}"),
    })
}

pub(crate) fn settle(call: PendingCall, cost: Usd) {
    call.settle(record(cost));
}

pub(crate) fn record(cost: Usd) -> CallRecord {
    CallRecord::answered(Arc::from("m"), Usage::new().with_output(1), Charge::external(cost), SystemTime::UNIX_EPOCH)
}

/// A clock that does not advance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedClock(pub(crate) SystemTime);

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// A deterministic random number generator: xorshift64*.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}
