use std::sync::Arc;
use std::time::SystemTime;

use outlay_ledger::{CallRecord, PricedAs};
use outlay_price::{Charge, Price};

use super::attempt::Attempt;
use super::call_end::CallEnd;
use super::call_start::CallStart;
use super::look_up_price::price_factors;

/// Returns whether the model has finished its turn: it was not cut off, and does not wait for a tool.
fn ends_turn(finish_reasons: &[String]) -> bool {
    let unfinished = ["tool_use", "tool_calls", "max_tokens", "length", "pause_turn"];
    finish_reasons.iter().all(|reason| !unfinished.contains(&&*reason.to_ascii_lowercase()))
}

/// Returns the ledger's record of a call.
pub(super) fn record(
    start: &CallStart,
    end: &CallEnd,
    charge: Charge,
    price: Option<&Price>,
    ended: SystemTime,
) -> CallRecord {
    let factors = price_factors(start, Some(end));
    let is_complete = end.lost_attempts.is_empty();
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
        counted: end.billed.count_status().filter(|_| is_complete),
        priced_as: PricedAs {
            model: end.priced_model.as_deref().map(Arc::from),
            region: start.region.clone(),
            tier: factors.tier(),
            latency: factors.latency(),
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
