//! Amounts, and the costs of scopes.

mod amount;
mod running_total;
mod spent;
mod totals;

pub use amount::Amount;
pub(crate) use running_total::RunningTotal;
pub(crate) use spent::Spent;
pub use totals::{Cost, KindTotals, ModelTotals, Totals};
