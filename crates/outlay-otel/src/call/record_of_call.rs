use std::sync::Arc;
use std::time::SystemTime;

use outlay_ledger::{CallRecord, PricedAs};
use outlay_price::{Charge, Price};

use super::attempt::Attempt;
use super::call_end::CallEnd;
use super::call_start::CallStart;
use super::price::priced;

/// Whether the model has said all that it had to say: it was not cut off, and waits for no tool.
fn ends_turn(finish_reasons: &[String]) -> bool {
    let goes_on = ["tool_use", "tool_calls", "max_tokens", "length", "pause_turn"];
    finish_reasons.iter().all(|reason| !goes_on.contains(&&*reason.to_ascii_lowercase()))
}

/// What the report keeps of a call.
pub(super) fn record(
    start: &CallStart,
    end: &CallEnd,
    charge: Charge,
    price: Option<&Price>,
    ended: SystemTime,
) -> CallRecord {
    let priced = priced(start, Some(end));
    let whole = end.lost_attempts.is_empty();
    CallRecord {
        operation: start.operation.as_str(),
        model: start.model.clone(),
        usage: end.billed.counted_tokens(),
        bounded_tokens: end
            .lost_attempts
            .iter()
            .fold(end.billed.bounded_tokens(), |sum, (lost, _)| sum.saturating_add(lost.bounded_tokens())),
        units: end.billed.units().cloned(),
        guardrail: end.guardrail.clone(),
        counted: end.billed.counted().filter(|_| whole),
        priced_as: PricedAs {
            model: end.priced_model.as_deref().map(Arc::from),
            region: start.region.clone(),
            tier: priced.tier(),
            latency: priced.latency(),
        },
        charge,
        attempts: end.attempts.iter().map(Attempt::record).collect(),
        streamed: start.stream,
        failed: end.error.is_some(),
        refused: end.refused,
        sent: end.sent,
        fingerprint: end.fingerprint,
        ends_turn: ends_turn(&end.finish_reasons),
        started: start.started,
        ended,
        price_version: price.map(|p| p.version().clone()),
    }
}
