use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use outlay_ledger::BudgetsInForce;

/// The sources of the gauges of one engine, which are read when metrics are collected: budgets, and the age of the prices.
/// They hold neither the engine nor its meter, which would then keep itself alive.
#[derive(Clone)]
pub(crate) struct GaugeSources {
    pub(crate) budgets: BudgetsInForce,
    /// Returns the age of the prices, if it is known.
    pub(crate) price_age: Arc<dyn Fn() -> Option<Duration> + Send + Sync>,
}

/// The sources of an engine, once it has them.
pub(super) type LateSources = Arc<OnceLock<GaugeSources>>;

impl fmt::Debug for GaugeSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GaugeSources")
    }
}
