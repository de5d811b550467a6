//! Checks of the totals, spans and metrics of a tree.

use std::collections::BTreeMap;

use outlay::{CostStatus, Totals, Usd};
use outlay_tests::{MetricPoint, Span, Spans, call_spans};

use super::tree::{Kind, MODELS, Node};

fn known(totals: &Totals) -> Usd {
    totals.cost().usd().unwrap_or(Usd::ZERO)
}

/// Asserts that the parts of every split of a total add up to it.
pub(super) fn assert_parts_add_up(totals: &Totals) {
    let known = known(totals);
    assert_eq!(totals.exact() + totals.estimated() + totals.bounded(), known, "by status");
    assert_eq!(totals.by_kind().iter().map(|k| k.cost).sum::<Usd>(), known, "by kind");
    assert_eq!(totals.by_kind().iter().map(|k| k.calls).sum::<u64>(), totals.calls(), "calls by kind");
    let external = totals.by_direction().external;
    assert_eq!(totals.by_model().iter().map(|m| m.cost).sum::<Usd>() + external, known, "by model");
    assert_eq!(totals.by_model().iter().map(|m| m.calls).sum::<u64>(), totals.calls(), "calls by model");
    let unpriced: u64 = totals.by_model().iter().map(|m| m.unpriced_calls).sum();
    assert_eq!(unpriced, totals.unpriced_calls(), "unpriced calls by model");
    assert_eq!(totals.by_direction().parts().iter().map(|(_, part)| *part).sum::<Usd>(), known, "by direction");
    assert!(totals.failed_cost() <= known);
    assert!(totals.failed_calls() <= totals.calls());
    assert_eq!(totals.pending_calls(), 0);
    assert_eq!(totals.cost().status() == CostStatus::Unpriced, totals.unpriced_calls() > 0);
    assert_eq!(totals.cost().status() < CostStatus::Bounded, totals.bounded().is_zero() && unpriced == 0);
}

/// Asserts that the root span has the values of the totals and the sums of the spans below it.
pub(super) fn assert_root_matches(spans: &Spans, totals: &Totals) {
    let root = spans.one("invoke_workflow root");
    let below = spans.below(root);
    let calls: Vec<_> = below.iter().filter(|span| span.has("gen_ai.provider.name")).collect();
    assert_eq!(root.int("outlay.total.calls"), i64::try_from(totals.calls()).ok());
    assert_eq!(calls.len() as u64, totals.calls(), "calls below the root");
    assert_eq!(root.int("outlay.total.picousd").map(i128::from), totals.cost().usd().map(Usd::picos));
    assert_eq!(root.double("outlay.total.usd"), totals.cost().usd().map(Usd::to_f64));
    assert_eq!(root.text("outlay.total.status"), Some(totals.cost().status().as_str()));
    let order = ["exact", "estimated", "bounded", "unpriced"];
    let rank = |span: &&Span| span.text("outlay.cost.status").map(|s| order.iter().position(|o| *o == s));
    let weakest = below.iter().filter_map(rank).max().flatten().unwrap_or(0);
    assert_eq!(root.text("outlay.total.status"), Some(order[weakest]), "the weakest status below");
    for (key, part) in [
        ("outlay.total.exact_usd", totals.exact()),
        ("outlay.total.estimated_usd", totals.estimated()),
        ("outlay.total.bounded_usd", totals.bounded()),
        ("outlay.total.failed_usd", totals.failed_cost()),
    ] {
        assert_eq!(root.double(key), Some(part.to_f64()), "{key}");
    }
    let attempts: i64 = calls.iter().filter_map(|c| c.int("outlay.call.attempts")).sum();
    assert_eq!(root.int("outlay.total.attempts"), Some(attempts));
    for call in call_spans(spans) {
        let directions = ["input", "output", "cache_read", "cache_write", "other"];
        let parts =
            directions.iter().filter_map(|d| call.double(&format!("outlay.cost.{d}.usd"))).map(picos).sum::<i128>();
        assert_eq!(parts, call.int("outlay.cost.picousd").map_or(0, i128::from), "directions of a call");
    }
}

/// Asserts that the failed cost is the sum over failed calls and spans below failed scopes, each counted once.
pub(super) fn assert_failures_match(spans: &Spans, totals: &Totals) {
    let root = spans.one("invoke_workflow root");
    let (mut cost, mut calls) = (0, 0);
    for span in spans.below(root) {
        let is_call = span.has("gen_ai.provider.name");
        if (is_call && span.is_error()) || is_in_failed_scope(spans, span) {
            cost += i128::from(span.int("outlay.cost.picousd").unwrap_or(0));
            calls += u64::from(is_call);
        }
    }
    assert_eq!(totals.failed_cost().picos(), cost, "failed cost");
    assert_eq!(totals.failed_calls(), calls, "failed calls");
}

fn is_in_failed_scope(spans: &Spans, span: &Span) -> bool {
    let mut ancestor = spans.parent(span);
    while let Some(parent) = ancestor {
        if parent.is_error() {
            return true;
        }
        ancestor = spans.parent(parent);
    }
    false
}

/// Asserts that `outlay.cost` sums to the expected cost, except for the rounding of doubles.
pub(super) fn assert_metric_matches(points: &[MetricPoint], expected: Usd) {
    let metric: i128 = points.iter().filter(|p| p.name == "outlay.cost").map(|p| picos(p.value)).sum();
    let difference = (metric - expected.picos()).abs();
    assert!(
        difference <= 16 + expected.picos() / 1_000_000_000_000,
        "the metric differs from {expected} by {difference}"
    );
}

/// Converts dollars to pico-dollars by their decimal text.
fn picos(usd: f64) -> i128 {
    format!("{usd:.12}").replace('.', "").parse().expect("a finite number")
}

/// The expected costs and counts of an undisturbed tree, derived from the rules alone.
#[derive(Debug, Default)]
pub(super) struct Expected {
    cost: i128,
    failed: i128,
    calls: u64,
    failed_calls: u64,
    unpriced: u64,
    by_kind: BTreeMap<&'static str, i128>,
    by_model: BTreeMap<&'static str, i128>,
}

/// The position of a node in the tree.
#[derive(Clone, Copy)]
struct Position {
    kind: &'static str,
    /// The kind of the innermost step of the task, ignoring agents.
    step: Option<&'static str>,
    /// Whether the node is directly in a step, without an agent between.
    in_step: bool,
    failed: bool,
}

impl Expected {
    pub(super) fn of(tree: &[Node]) -> Self {
        let mut expected = Self::default();
        expected.add(tree, Position { kind: "direct", step: None, in_step: false, failed: false });
        expected
    }

    fn add(&mut self, nodes: &[Node], position: Position) {
        let failed = position.failed || nodes.iter().any(|node| matches!(node, Node::Fail));
        for node in nodes {
            match node {
                Node::Fail => {}
                Node::Charge(micros) => self.spend(i128::from(*micros) * 1_000_000, Position { failed, ..position }),
                Node::Call(call) => {
                    let (model, prices) = MODELS[call.model];
                    self.calls += 1;
                    self.failed_calls += u64::from(failed);
                    self.unpriced += u64::from(prices.is_none());
                    let cost = prices.map_or(0, |prices| {
                        prices.iter().zip(call.tokens).map(|(price, tokens)| price * i128::from(tokens)).sum()
                    });
                    *self.by_model.entry(model).or_default() += cost;
                    self.spend(cost, Position { failed, ..position });
                }
                Node::Scope(scope) => {
                    let step_kind = match scope.kind {
                        Kind::Task | Kind::Agent => None,
                        Kind::Retry => Some("retry"),
                        Kind::Plan => Some("plan"),
                        Kind::Tool => Some("tool"),
                        Kind::Act => Some("act"),
                        Kind::Custom => Some("critique"),
                    };
                    let step = if matches!(scope.kind, Kind::Task) { None } else { step_kind.or(position.step) };
                    let in_retry = position.in_step && position.kind == "retry";
                    let kind = match step_kind {
                        Some(_) if in_retry => "retry",
                        Some(step_kind) => step_kind,
                        None => step.unwrap_or("direct"),
                    };
                    let failed = failed || scope.fails;
                    self.add(&scope.children, Position { kind, step, in_step: step_kind.is_some(), failed });
                }
            }
        }
    }

    fn spend(&mut self, cost: i128, position: Position) {
        self.cost += cost;
        self.failed += if position.failed { cost } else { 0 };
        *self.by_kind.entry(position.kind).or_default() += cost;
    }
}

pub(super) fn assert_expected(expected: &Expected, totals: &Totals) {
    assert_parts_add_up(totals);
    assert_eq!(known(totals).picos(), expected.cost);
    assert_eq!(totals.failed_cost().picos(), expected.failed, "failed");
    let counts = (totals.calls(), totals.failed_calls(), totals.unpriced_calls());
    assert_eq!(counts, (expected.calls, expected.failed_calls, expected.unpriced));
    let by_kind: BTreeMap<_, _> = totals.by_kind().iter().map(|k| (k.kind.as_str(), k.cost.picos())).collect();
    assert_eq!(by_kind, expected.by_kind.iter().map(|(k, v)| (*k, *v)).collect());
    let by_model: BTreeMap<_, _> = totals.by_model().iter().map(|m| (&*m.model, m.cost.picos())).collect();
    assert_eq!(by_model, expected.by_model.iter().map(|(k, v)| (*k, *v)).collect());
}
