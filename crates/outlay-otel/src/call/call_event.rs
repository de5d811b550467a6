//! Writes a settled call as a `tracing` event if no OpenTelemetry provider takes its span.

use super::settled_call::SettledCall;

pub(super) fn write(call: &SettledCall) {
    let usage = call.end.billed.tokens();
    tracing::info!(
        target: "outlay::call",
        operation = call.start.operation.as_str(),
        model = &*call.start.model,
        task = &**call.scope.task_name(),
        task_id = %call.scope.task_id(),
        cost_usd = call.has_figure().then(|| call.charge.total().to_f64()),
        cost_status = call.charge.status().as_str(),
        input_tokens = usage.map(|u| u.input_tokens()),
        output_tokens = usage.map(|u| u.output_tokens()),
        attempts = call.end.attempts.len(),
        principal = call.end.signer.as_ref().map(|signer| &*signer.principal),
        error = call.end.error.as_deref(),
        task_usd = call.settled.running.to_f64(),
        late = call.settled.late,
        "settled"
    );
}
