//! What there is to say at the end of a row.

use outlay_ledger::{AttemptRecord, CallRecord, RemoteRecord, ScopeRecord};
use outlay_price::{Charge, CostStatus};

use super::figures::{Figures, Pending};
use super::look::Look;
use super::numbers::{count, grouped, time};

/// The answers to a call's attempts are listed up to this many.
const MAX_ANSWERS: usize = 6;

/// Of a scope's row: how long it took, the calls that it stands for, why it failed, what it has open.
pub(super) fn scope(scope: &ScopeRecord, folded: Option<String>, pending: Pending, look: &Look) -> Vec<String> {
    let mut notes = vec![match scope.duration() {
        Some(duration) => time(duration, ""),
        None => "running".to_owned(),
    }];
    notes.extend(folded);
    notes.extend(scope.failure.as_ref().map(|reason| look.clean(reason)));
    notes.extend(pending.text());
    notes
}

/// The calls that a scope's row stands for, where nothing below it is shown: `(3 calls, 1 refused)`.
pub(super) fn hidden_calls(figures: &Figures) -> Option<String> {
    match (figures.calls, figures.refusals) {
        (0, 0) => None,
        (calls, 0) => Some(format!("({})", count(calls, "call"))),
        (0, refused) => Some(format!("({} refused)", count(refused, "call"))),
        (calls, refused) => Some(format!("({}, {} refused)", count(calls, "call"), grouped(refused))),
    }
}

/// Of a call's row.
pub(super) fn call(call: &CallRecord, look: &Look) -> Vec<String> {
    let mut notes = Vec::new();
    let last = call.attempts.last();
    if call.refused {
        notes.push("refused".to_owned());
    }
    if call.failed
        && let Some(error) = last.and_then(|attempt| attempt.error.as_ref())
    {
        notes.push(look.clean(error));
    }
    if call.attempts.len() > 1 {
        notes.push(attempts(&call.attempts, look));
    }
    notes.extend(unsure(&call.charge, call.usage.is_empty()).map(str::to_owned));
    let written = call.usage.cache_write_tokens();
    if written > 0 {
        notes.push(format!("cache write {}", grouped(written)));
    }
    if call.streamed {
        notes.push("streamed".to_owned());
    }
    notes
}

/// Of a charge's row.
pub(super) fn charge(charge: &Charge) -> Vec<String> {
    unsure(charge, false).into_iter().map(str::to_owned).collect()
}

/// Of the row of work that another process did.
pub(super) fn remote(remote: &RemoteRecord) -> Vec<String> {
    let took = time(remote.ended.duration_since(remote.started).unwrap_or_default(), "");
    let said = match &remote.totals {
        None => "its receipt was lost".to_owned(),
        Some(totals) => match totals.cost().status() {
            CostStatus::Exact => format!("receipt of {}", count(totals.calls(), "call")),
            CostStatus::Unpriced => format!("receipt of {}, partly unpriced", count(totals.calls(), "call")),
            status => format!("receipt of {}, {status}", count(totals.calls(), "call")),
        },
    };
    vec![took, said]
}

/// How sure an amount is, where it is not exact. Of what has no amount at all the row says `unpriced` already.
fn unsure(charge: &Charge, unused: bool) -> Option<&'static str> {
    match charge.status() {
        CostStatus::Exact => None,
        CostStatus::Unpriced if !charge.total().is_zero() => Some("partly unpriced"),
        CostStatus::Unpriced if unused => Some("usage unknown"),
        CostStatus::Unpriced => Some("no price"),
        status => Some(status.as_str()),
    }
}

/// `↻ 2 attempts: 429, 200`.
fn attempts(attempts: &[AttemptRecord], look: &Look) -> String {
    let answer = |attempt: &AttemptRecord| match (attempt.status, &attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => look.clean(error),
        (None, None) => "no answer".to_owned(),
    };
    let mut answers: Vec<String> = Vec::new();
    for run in attempts.chunk_by(|a, b| answer(a) == answer(b)) {
        match run.len() {
            times @ 3.. => answers.push(format!("{} {}{times}", answer(&run[0]), look.times)),
            _ => answers.extend(run.iter().map(answer)),
        }
    }
    // The last one decides, so that it is among those that are listed.
    let skipped = answers.len().saturating_sub(MAX_ANSWERS);
    if skipped > 0 {
        answers.splice(..skipped, [look.more.to_owned()]);
    }
    format!("{} {}: {}", look.again, count(attempts.len() as u64, "attempt"), answers.join(", "))
}
