//! Budgets: limits on what tasks, agents, steps and kinds of tasks may spend.
//!
//! A [`Budget`] limits one task, agent or step. A [`BudgetRule`] limits all tasks of a kind, such as each team per day. A
//! [`BudgetStore`] shares the budgets of rules between the processes of a fleet: the crate `outlay-redis` has one.
//!
//! ```
//! use outlay::budget::{BudgetRule, Period};
//! use outlay::{Budget, Outlay, Usd};
//!
//! let teams = BudgetRule::new("teams", Budget::new(Usd::from_dollars(20)).soft(80)).per("team").every(Period::Day);
//! let outlay = Outlay::builder().budget_rule(teams).build();
//! let task = outlay.task("resolve-ticket").team("support").budget(Usd::from_cents(50)).start();
//! # drop(task);
//! ```

pub use outlay_ledger::{
    Amount, BudgetExceeded, BudgetRule, BudgetStatus, BudgetStore, Forecast, Held, OnSoftLimit, ParsePeriodError,
    Period, RefusalReason, Reserve, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreFigures, StoreFuture,
    StoreHold,
};
pub use outlay_otel::Downgrade;

#[doc(no_inline)]
pub use crate::Budget;
