use std::error::Error;

use outlay_ledger::{BudgetExceeded, PolicyViolation, RefusedOutsideTask, Stopped};

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
    find(error)
}

/// The stop behind an error, wherever in its chain that is: the call was refused because its task is stopped.
///
/// Where a framework has replaced the error by one of its own, it is still in
/// [`Task::refused_otherwise`](crate::Task::refused_otherwise) and in the report.
pub fn stopped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Stopped> {
    find(error)
}

/// The policy's refusal behind an error, wherever in its chain that is: a rule that is enforced does not allow the call.
pub fn policy_violation<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a PolicyViolation> {
    find(error)
}

/// Returns the refusal behind an error, wherever in its chain it is, of a call that was made outside any task. Only
/// [`OutsideTasks::Refuse`](crate::OutsideTasks::Refuse) refuses such calls.
pub fn outside_task<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a RefusedOutsideTask> {
    find(error)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}
