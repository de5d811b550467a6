//! The notes at the end of a row.

use outlay_ledger::{AttemptRecord, CallRecord, RemoteRecord, ScopeRecord};
use outlay_price::{Charge, CostStatus};

use super::figures::{Figures, Pending};
use super::numbers::{count, grouped, time};
use super::theme::Theme;

/// The maximum number of answers listed for a call's attempts.
const MAX_ANSWERS: usize = 6;

/// Returns the notes of a scope: its duration, its hidden calls, why it failed and what is pending.
pub(super) fn scope(scope: &ScopeRecord, folded: Option<String>, pending: Pending, theme: &Theme) -> Vec<String> {
    let mut notes = vec![match scope.duration() {
        Some(duration) => time(duration, ""),
        None => "running".to_owned(),
    }];
    notes.extend(folded);
    notes.extend(scope.failure.as_ref().map(|reason| theme.clean(reason)));
    notes.extend(pending.text());
    notes
}

/// Returns the calls of a scope without shown children: `(3 calls, 1 refused)`.
pub(super) fn hidden_calls(figures: &Figures) -> Option<String> {
    match (figures.calls, figures.refusals) {
        (0, 0) => None,
        (calls, 0) => Some(format!("({})", count(calls, "call"))),
        (0, refused) => Some(format!("({} refused)", count(refused, "call"))),
        (calls, refused) => Some(format!("({}, {} refused)", count(calls, "call"), grouped(refused))),
    }
}

/// Returns the notes of a call.
pub(super) fn call(call: &CallRecord, theme: &Theme) -> Vec<String> {
    let mut notes = Vec::new();
    let last = call.attempts.last();
    if call.refused {
        notes.push("refused".to_owned());
    }
    if call.failed
        && let Some(error) = last.and_then(|attempt| attempt.error.as_ref())
    {
        notes.push(theme.clean(error));
    }
    if call.attempts.len() > 1 {
        notes.push(attempts(&call.attempts, theme));
    }
    notes.extend(status_note(&call.charge, call.usage.is_empty()).map(str::to_owned));
    let written = call.usage.cache_write_tokens();
    if written > 0 {
        notes.push(format!("cache write {}", grouped(written)));
    }
    if call.streamed {
        notes.push("streamed".to_owned());
    }
    notes
}

/// Returns the notes of a charge.
pub(super) fn charge(charge: &Charge) -> Vec<String> {
    status_note(charge, false).into_iter().map(str::to_owned).collect()
}

/// Returns the notes of work in another process.
pub(super) fn remote(remote: &RemoteRecord) -> Vec<String> {
    let duration = time(remote.ended.duration_since(remote.started).unwrap_or_default(), "");
    let receipt = match &remote.totals {
        None => "its receipt was lost".to_owned(),
        Some(totals) => match totals.cost().status() {
            CostStatus::Exact => format!("receipt of {}", count(totals.calls(), "call")),
            CostStatus::Unpriced => format!("receipt of {}, partly unpriced", count(totals.calls(), "call")),
            status => format!("receipt of {}, {status}", count(totals.calls(), "call")),
        },
    };
    vec![duration, receipt]
}

/// Returns how certain an amount is if it is not exact. If no part of it is known, the row already says `unpriced`, so
/// this returns the reason.
fn status_note(charge: &Charge, unused: bool) -> Option<&'static str> {
    match charge.status() {
        CostStatus::Exact => None,
        CostStatus::Unpriced if !charge.total().is_zero() => Some("partly unpriced"),
        CostStatus::Unpriced if unused => Some("usage unknown"),
        CostStatus::Unpriced => Some("no price"),
        status => Some(status.as_str()),
    }
}

/// Returns text such as `↻ 2 attempts: 429, 200`.
fn attempts(attempts: &[AttemptRecord], theme: &Theme) -> String {
    let answer = |attempt: &AttemptRecord| match (attempt.status, &attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => theme.clean(error),
        (None, None) => "no answer".to_owned(),
    };
    let mut answers: Vec<String> = Vec::new();
    for run in attempts.chunk_by(|a, b| answer(a) == answer(b)) {
        match run.len() {
            times @ 3.. => answers.push(format!("{} {}{times}", answer(&run[0]), theme.times)),
            _ => answers.extend(run.iter().map(answer)),
        }
    }
    // The last answer decides, so the first ones are left out.
    let skipped = answers.len().saturating_sub(MAX_ANSWERS);
    if skipped > 0 {
        answers.splice(..skipped, [theme.ellipsis.to_owned()]);
    }
    format!("{} {}: {}", theme.retry, count(attempts.len() as u64, "attempt"), answers.join(", "))
}
