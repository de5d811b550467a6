use std::error::Error;

use outlay_ledger::BudgetExceeded;

/// The budget's refusal behind an error, wherever in its chain that is.
///
/// A refusal reaches the caller as the SDK's own error. Where a framework has replaced the error by one of its own, the
/// refusal is still in [`Task::refusals`](crate::Task::refusals) and in the report.
///
/// ```
/// let error = std::io::Error::other("something else");
/// assert!(outlay::budget_exceeded(&error).is_none());
/// ```
pub fn budget_exceeded<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a BudgetExceeded> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(refusal) = error.downcast_ref() {
            return Some(refusal);
        }
        source = error.source();
    }
    None
}
