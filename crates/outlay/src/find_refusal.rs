use std::error::Error;

use outlay_ledger::{BudgetExceeded, PolicyViolation, RefusedOutsideTask, Stopped};

/// Returns the budget's refusal, if it is anywhere in the error's chain of sources.
///
/// A refusal reaches the caller as the SDK's own error. If a framework has replaced that error, the refusal is still in
/// [`Task::refusals`](crate::Task::refusals) and in the report.
///
/// ```
/// let error = std::io::Error::other("something else");
/// assert!(outlay::budget_exceeded(&error).is_none());
/// ```
pub fn budget_exceeded<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a BudgetExceeded> {
    find(error)
}

/// Returns the stop, if it is anywhere in the error's chain of sources: the call was refused because its task is stopped.
///
/// If a framework has replaced the error, the refusal is still in
/// [`Task::non_budget_refusals`](crate::Task::non_budget_refusals) and in the report.
pub fn stopped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Stopped> {
    find(error)
}

/// Returns the policy's refusal, if it is anywhere in the error's chain of sources: an enforced rule does not allow the
/// call.
pub fn policy_violation<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a PolicyViolation> {
    find(error)
}

/// Returns the refusal of a call outside any task, if it is anywhere in the error's chain of sources. Only
/// [`OutsideTasks::Refuse`](crate::policy::OutsideTasks::Refuse) refuses such calls.
pub fn outside_task<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a RefusedOutsideTask> {
    find(error)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}
