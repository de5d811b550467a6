//! The attributes of a call span.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use outlay_ledger::StoreCheck;
use outlay_price::Usage;

use super::billed::ShownTokens;
use super::settled_call::SettledCall;
use crate::attribute_values::{count, int, picousd, usd};
use crate::names::{outlay, semconv};
use crate::scope::TracedScope;
use crate::semconv::Semconv;
use crate::viewer_attributes::{SpanRole, push_kinds};

pub(super) fn of(call: &SettledCall, scope: &TracedScope) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(56);
    push_request(&mut attributes, call);
    attributes.extend_from_slice(scope.attributes());
    push_response(&mut attributes, call);
    let core = scope.core();
    push_finish_reasons(&mut attributes, call, core.semconv);
    if let Some(tokens) = call.shown_tokens() {
        push_usage(&mut attributes, &tokens, core.semconv);
    }
    push_cost(&mut attributes, call);
    push_price(&mut attributes, call);
    if core.cost_attributes {
        push_proposed_cost(&mut attributes, call);
    }
    push_kinds(&core.viewers, &mut attributes, SpanRole::Call(call.start.operation));
    for viewer in &core.viewers {
        viewer.push_call(&mut attributes, call);
    }
    attributes
}

fn push_request(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    let start = &call.start;
    attributes.push(KeyValue::new(semconv::OPERATION_NAME, start.operation.as_str()));
    attributes.push(KeyValue::new(semconv::PROVIDER_NAME, semconv::AWS_BEDROCK));
    if start.operation.has_model() {
        attributes.push(KeyValue::new(semconv::REQUEST_MODEL, start.model.clone()));
    }
    if start.stream {
        attributes.push(KeyValue::new(semconv::REQUEST_STREAM, true));
    }
    if let Some(tokens) = start.max_tokens {
        attributes.push(count(semconv::REQUEST_MAX_TOKENS, tokens));
    }
    if let Some(temperature) = start.temperature {
        attributes.push(KeyValue::new(semconv::REQUEST_TEMPERATURE, temperature));
    }
    if let Some(top_p) = start.top_p {
        attributes.push(KeyValue::new(semconv::REQUEST_TOP_P, top_p));
    }
    if let Some(region) = &start.region {
        attributes.push(KeyValue::new(semconv::CLOUD_REGION, region.clone()));
    }
    if let Some(check) = call.settled.store_check {
        let is_done = check == StoreCheck::Done;
        attributes.push(KeyValue::new(outlay::BUDGET_STORE, if is_done { "ok" } else { "down" }));
    }
    if let Some(model) = &start.degraded_from {
        attributes.push(KeyValue::new(outlay::CALL_DEGRADED_FROM, model.clone()));
    }
    if let Some(guardrail) = &start.guardrail {
        attributes.push(KeyValue::new(semconv::AWS_BEDROCK_GUARDRAIL_ID, guardrail.clone()));
    }
}

fn push_response(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    let end = &call.end;
    let mut push_text = |key: &'static str, text: &Option<String>| {
        if let Some(text) = text {
            attributes.push(KeyValue::new(key, text.clone()));
        }
    };
    push_text(semconv::RESPONSE_ID, &end.response_id);
    push_text(semconv::RESPONSE_MODEL, &end.response_model);
    push_text(semconv::AWS_REQUEST_ID, &end.request_id);
    push_text(semconv::SERVER_ADDRESS, &end.server_address);
    push_text(semconv::ERROR_TYPE, &end.error);
    push_text(outlay::USAGE_DOUBT, &end.usage_doubt);
    attributes.extend(end.usage_source.map(|source| KeyValue::new(outlay::USAGE_SOURCE, source)));
    if let Some(port) = end.server_port {
        attributes.push(KeyValue::new(semconv::SERVER_PORT, i64::from(port)));
    }
    if let Some(signer) = &end.signer {
        attributes.push(KeyValue::new(outlay::AWS_PRINCIPAL, signer.principal.clone()));
        let account = signer.account.iter().map(|account| KeyValue::new(semconv::CLOUD_ACCOUNT_ID, account.clone()));
        attributes.extend(account);
        attributes.extend(signer.session.iter().map(|session| KeyValue::new(outlay::AWS_SESSION, session.clone())));
    }
    attributes.extend(end.identity.map(|identity| KeyValue::new(outlay::AWS_IDENTITY, identity.as_str())));
    if let Some(first) = end.time_to_first_chunk {
        attributes.push(KeyValue::new(semconv::TIME_TO_FIRST_CHUNK, first.as_secs_f64()));
    }
    attributes.push(KeyValue::new(outlay::CALL_ATTEMPTS, end.attempts.len() as i64));
}

/// Adds the reasons why the model stopped. If a call failed or its end was not seen, the newer conventions have a reason of
/// their own in place of the one that never came.
fn push_finish_reasons(attributes: &mut Vec<KeyValue>, call: &SettledCall, semconv: Semconv) {
    let mut reasons: Vec<_> = call.end.finish_reasons.iter().cloned().map(StringValue::from).collect();
    let has_no_end = !call.end.refused && (call.end.error.is_some() || call.end.is_cut);
    if reasons.is_empty() && has_no_end && semconv == Semconv::Latest && call.start.operation.is_inference() {
        reasons.push(semconv::ERROR_FINISH_REASON.into());
    }
    if !reasons.is_empty() {
        attributes.push(KeyValue::new(semconv::FINISH_REASONS, Value::Array(Array::String(reasons))));
    }
}

fn push_usage(attributes: &mut Vec<KeyValue>, tokens: &ShownTokens, semconv: Semconv) {
    attributes.extend(tokens.input.map(|input| count(semconv::INPUT_TOKENS, input)));
    attributes.extend(tokens.output.map(|output| count(semconv::OUTPUT_TOKENS, output)));
    push_parts(attributes, &tokens.usage, semconv);
}

fn push_parts(attributes: &mut Vec<KeyValue>, usage: &Usage, semconv: Semconv) {
    let cache_write = match semconv {
        Semconv::V1_41 => semconv::CACHE_CREATION_INPUT_TOKENS,
        Semconv::Latest => semconv::CACHE_WRITE_INPUT_TOKENS,
    };
    let parts = [
        (semconv::CACHE_READ_INPUT_TOKENS, usage.cache_read_tokens()),
        (cache_write, usage.cache_write_tokens()),
        (semconv::REASONING_OUTPUT_TOKENS, usage.reasoning_tokens()),
    ];
    for (key, tokens) in parts {
        if tokens > 0 {
            attributes.push(count(key, tokens));
        }
    }
}

fn push_cost(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    let charge = &call.charge;
    attributes.push(KeyValue::new(outlay::COST_STATUS, charge.status().as_str()));
    if call.has_figure() {
        attributes.push(usd(outlay::COST_USD, charge.total()));
        attributes.push(picousd(outlay::COST_PICOUSD, charge.total()));
        let directions = [
            (outlay::COST_INPUT_USD, charge.input()),
            (outlay::COST_OUTPUT_USD, charge.output()),
            (outlay::COST_CACHE_READ_USD, charge.cache_read()),
            (outlay::COST_CACHE_WRITE_USD, charge.cache_write()),
            (outlay::COST_OTHER_USD, charge.other()),
        ];
        attributes.extend(directions.into_iter().filter(|(_, part)| !part.is_zero()).map(|(k, v)| usd(k, v)));
    }
    if call.settled.late {
        attributes.push(KeyValue::new(outlay::LATE, true));
    } else {
        attributes.push(usd(outlay::RUNNING_USD, call.settled.running));
        attributes.push(picousd(outlay::RUNNING_PICOUSD, call.settled.running));
        attributes.push(KeyValue::new(outlay::RUNNING_CALLS, int(call.settled.running_calls)));
    }
}

/// Adds the cost attributes that were proposed for the conventions. They are for inferences only.
fn push_proposed_cost(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    if call.has_figure() && call.start.operation.is_inference() && !call.end.refused {
        attributes.push(usd(semconv::USAGE_COST_AMOUNT, call.charge.total()));
        attributes.push(KeyValue::new(semconv::USAGE_COST_CURRENCY, "USD"));
        // It was computed here, and did not come with the answer.
        attributes.push(KeyValue::new(semconv::USAGE_COST_SOURCE, "local"));
    }
}

fn push_price(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    let Some(price) = &call.price else { return };
    attributes.push(KeyValue::new(outlay::PRICE_VERSION, price.version().clone()));
    attributes.push(KeyValue::new(outlay::PRICE_ROUTING, price.routing().as_str()));
    attributes.push(KeyValue::new(outlay::PRICE_TIER, price.tier().as_str()));
    attributes.push(KeyValue::new(outlay::PRICE_SOURCE, price.source().clone()));
    attributes.push(KeyValue::new(outlay::PRICE_CONFIDENCE, price.confidence().as_str()));
    if let Some(region) = price.region() {
        attributes.push(KeyValue::new(outlay::PRICE_REGION, region.to_owned()));
    }
    if let Some(from) = price.effective_from() {
        attributes.push(KeyValue::new(outlay::PRICE_EFFECTIVE_FROM, from.clone()));
    }
}
