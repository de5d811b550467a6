//! The attributes that a scope's span gets when it closes: `outlay.total.*` and others.

use opentelemetry::KeyValue;
use outlay_ledger::{ClosedScope, CostKind, Scope, ScopeKind, StepKind, Totals};
use outlay_price::Usd;
use serde_json::{Map, Value, json};

use crate::attribute_values::{count, picousd, usd};
use crate::names::outlay;

pub(super) fn attributes(closed: &ClosedScope<'_>) -> Vec<KeyValue> {
    let totals = closed.totals;
    let mut attributes = Vec::with_capacity(40);
    push_totals(&mut attributes, totals);
    push_kinds(&mut attributes, totals);
    if matches!(closed.scope.kind(), ScopeKind::Task) {
        push_task(&mut attributes, closed.scope, totals);
    }
    attributes
}

fn push_totals(attributes: &mut Vec<KeyValue>, totals: &Totals) {
    let cost = totals.cost();
    // Unknown is never zero: if nothing is priced, there is no figure.
    if let Some(known) = cost.usd() {
        attributes.push(usd(outlay::TOTAL_USD, known));
        attributes.push(picousd(outlay::TOTAL_PICOUSD, known));
    }
    attributes.push(KeyValue::new(outlay::TOTAL_STATUS, cost.status().as_str()));
    let usage = totals.usage();
    attributes.extend([
        usd(outlay::TOTAL_EXACT_USD, totals.exact()),
        usd(outlay::TOTAL_ESTIMATED_USD, totals.estimated()),
        usd(outlay::TOTAL_BOUNDED_USD, totals.bounded()),
        usd(outlay::TOTAL_FAILED_USD, totals.failed_cost()),
        count(outlay::TOTAL_INPUT_TOKENS, usage.input_tokens()),
        count(outlay::TOTAL_OUTPUT_TOKENS, usage.output_tokens()),
        count(outlay::TOTAL_CACHE_READ_TOKENS, usage.cache_read_tokens()),
        count(outlay::TOTAL_CACHE_WRITE_TOKENS, usage.cache_write_tokens()),
        count(outlay::TOTAL_CALLS, totals.calls()),
        count(outlay::TOTAL_ATTEMPTS, totals.attempts()),
        count(outlay::TOTAL_FAILED_CALLS, totals.failed_calls()),
        count(outlay::TOTAL_UNPRICED_CALLS, totals.unpriced_calls()),
    ]);
    for (key, n) in [
        (outlay::TOTAL_PENDING_CALLS, totals.pending_calls()),
        (outlay::TOTAL_PENDING_RECEIPTS, totals.pending_receipts()),
        (outlay::TOTAL_LOST_RECEIPTS, totals.lost_receipts()),
    ] {
        if n > 0 {
            attributes.push(count(key, n));
        }
    }
    if !totals.remote().is_zero() {
        attributes.push(usd(outlay::TOTAL_REMOTE_USD, totals.remote()));
    }
}

fn push_kinds(attributes: &mut Vec<KeyValue>, totals: &Totals) {
    let mut other = None;
    let mut own_kinds = Map::new();
    for kind in totals.by_kind() {
        if let CostKind::Step(StepKind::Other(name)) = &kind.kind {
            *other.get_or_insert(Usd::ZERO) += kind.cost;
            own_kinds.insert(name.to_string(), json!(kind.cost.to_f64()));
        } else {
            attributes.push(usd(outlay::total_kind_usd(kind.kind.as_str()), kind.cost));
        }
    }
    if let Some(other) = other {
        attributes.push(usd(outlay::total_kind_usd("other"), other));
        attributes.push(KeyValue::new(outlay::TOTAL_KINDS, Value::Object(own_kinds).to_string()));
    }
}

fn push_task(attributes: &mut Vec<KeyValue>, task: &Scope, totals: &Totals) {
    let outcome = task.outcome().unwrap_or(outlay_ledger::Outcome::abandoned());
    attributes.push(KeyValue::new(outlay::OUTCOME_KIND, outcome.kind().as_str()));
    if let Some(worth) = outcome.value_usd() {
        attributes.push(usd(outlay::OUTCOME_VALUE_USD, worth));
    }
    attributes.push(count(outlay::TOTAL_TURNS, totals.turns()));
    attributes.push(KeyValue::new(outlay::TOTAL_MODELS, models(totals)));
    if let Some(known) = totals.cost().usd() {
        attributes.push(KeyValue::new(outlay::COST_BAND, band(known)));
    }
    let budgets = task.budgets();
    if let Some((spent, limit)) = budgets.iter().find_map(|budget| Some((budget.spent.usd()?, budget.limit.usd()?))) {
        attributes.push(usd(outlay::BUDGET_LIMIT_USD, limit));
        if !limit.is_zero() {
            attributes.push(KeyValue::new(outlay::BUDGET_USED_RATIO, spent.to_f64() / limit.to_f64()));
        }
    }
    if !budgets.is_empty() {
        let exceeded = budgets.iter().any(|budget| budget.refused > 0 || budget.is_exceeded());
        attributes.push(KeyValue::new(outlay::BUDGET_EXCEEDED, exceeded));
    }
}

/// Returns the cost, calls and tokens by model, as JSON text.
fn models(totals: &Totals) -> String {
    let models = totals.by_model().iter().map(|model| {
        let mut entry = json!({
            "calls": model.calls,
            "input_tokens": model.usage.input_tokens(),
            "output_tokens": model.usage.output_tokens(),
        });
        if model.unpriced_calls < model.calls {
            entry["usd"] = json!(model.cost.to_f64());
        }
        if model.unpriced_calls > 0 {
            entry["unpriced_calls"] = json!(model.unpriced_calls);
        }
        (model.model.to_string(), entry)
    });
    Value::Object(models.collect()).to_string()
}

/// Returns the cost range, for viewers that can only search by equality.
fn band(cost: Usd) -> &'static str {
    if cost < Usd::from_cents(1) {
        "<0.01"
    } else if cost < Usd::from_cents(10) {
        "0.01-0.1"
    } else if cost < Usd::from_dollars(1) {
        "0.1-1"
    } else if cost <= Usd::from_dollars(10) {
        "1-10"
    } else {
        ">10"
    }
}
