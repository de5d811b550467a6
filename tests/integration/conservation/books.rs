//! What must hold of a tree's totals, spans and metrics.

use std::collections::BTreeMap;

use outlay::{CostStatus, Totals, Usd};
use outlay_tests::{MetricPoint, Span, Spans, call_spans};

use super::tree::{Kind, MODELS, Node};

fn known(totals: &Totals) -> Usd {
    totals.cost().usd().unwrap_or(Usd::ZERO)
}

/// Every way to split a total adds up to it.
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

/// The root's span says what the totals say, and what the spans below it come to.
pub(super) fn assert_root_says(spans: &Spans, totals: &Totals) {
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

/// What was spent in vain is what lies on failed calls and below failed scopes, each once.
pub(super) fn assert_failures_are_those_of_the_spans(spans: &Spans, totals: &Totals) {
    let root = spans.one("invoke_workflow root");
    let (mut cost, mut calls) = (0, 0);
    for span in spans.below(root) {
        let is_call = span.has("gen_ai.provider.name");
        if (is_call && span.is_error()) || lies_in_failed_scope(spans, span) {
            cost += i128::from(span.int("outlay.cost.picousd").unwrap_or(0));
            calls += u64::from(is_call);
        }
    }
    assert_eq!(totals.failed_cost().picos(), cost, "failed cost");
    assert_eq!(totals.failed_calls(), calls, "failed calls");
}

fn lies_in_failed_scope(spans: &Spans, span: &Span) -> bool {
    let mut above = spans.parent(span);
    while let Some(parent) = above {
        if parent.is_error() {
            return true;
        }
        above = spans.parent(parent);
    }
    false
}

/// `outlay.cost` comes to the same, but for the rounding of doubles.
pub(super) fn assert_metric_says(points: &[MetricPoint], expected: Usd) {
    let told: i128 = points.iter().filter(|p| p.name == "outlay.cost").map(|p| picos(p.value)).sum();
    let off = (told - expected.picos()).abs();
    assert!(off <= 16 + expected.picos() / 1_000_000_000_000, "the metric is {off} off {expected}");
}

/// A double's decimal text in pico-dollars.
fn picos(usd: f64) -> i128 {
    format!("{usd:.12}").replace('.', "").parse().expect("a finite number")
}

/// What a tree without trouble comes to, by the rules alone.
#[derive(Debug, Default)]
pub(super) struct Planned {
    cost: i128,
    failed: i128,
    calls: u64,
    failed_calls: u64,
    unpriced: u64,
    by_kind: BTreeMap<&'static str, i128>,
    by_model: BTreeMap<&'static str, i128>,
}

/// Where in the tree a part lies.
#[derive(Clone, Copy)]
struct Place {
    kind: &'static str,
    /// The innermost step of the task, agents passed over.
    step: Option<&'static str>,
    /// Whether it lies in a step without an agent between.
    in_step: bool,
    failed: bool,
}

impl Planned {
    pub(super) fn of(tree: &[Node]) -> Self {
        let mut planned = Self::default();
        planned.add(tree, Place { kind: "direct", step: None, in_step: false, failed: false });
        planned
    }

    fn add(&mut self, nodes: &[Node], place: Place) {
        let failed = place.failed || nodes.iter().any(|node| matches!(node, Node::Fail));
        for node in nodes {
            match node {
                Node::Fail => {}
                Node::Charge(micros) => self.spend(i128::from(*micros) * 1_000_000, Place { failed, ..place }),
                Node::Call(call) => {
                    let (model, prices) = MODELS[call.model];
                    self.calls += 1;
                    self.failed_calls += u64::from(failed);
                    self.unpriced += u64::from(prices.is_none());
                    let cost = prices.map_or(0, |prices| {
                        prices.iter().zip(call.tokens).map(|(price, tokens)| price * i128::from(tokens)).sum()
                    });
                    *self.by_model.entry(model).or_default() += cost;
                    self.spend(cost, Place { failed, ..place });
                }
                Node::Scope(scope) => {
                    let own = match scope.kind {
                        Kind::Task | Kind::Agent => None,
                        Kind::Retry => Some("retry"),
                        Kind::Plan => Some("plan"),
                        Kind::Tool => Some("tool"),
                        Kind::Act => Some("act"),
                        Kind::Own => Some("critique"),
                    };
                    let step = if matches!(scope.kind, Kind::Task) { None } else { own.or(place.step) };
                    let in_retry = place.in_step && place.kind == "retry";
                    let kind = match own {
                        Some(_) if in_retry => "retry",
                        Some(own) => own,
                        None => step.unwrap_or("direct"),
                    };
                    let failed = failed || scope.fails;
                    self.add(&scope.children, Place { kind, step, in_step: own.is_some(), failed });
                }
            }
        }
    }

    fn spend(&mut self, cost: i128, place: Place) {
        self.cost += cost;
        self.failed += if place.failed { cost } else { 0 };
        *self.by_kind.entry(place.kind).or_default() += cost;
    }
}

pub(super) fn assert_planned(planned: &Planned, totals: &Totals) {
    assert_parts_add_up(totals);
    assert_eq!(known(totals).picos(), planned.cost);
    assert_eq!(totals.failed_cost().picos(), planned.failed, "failed");
    let counts = (totals.calls(), totals.failed_calls(), totals.unpriced_calls());
    assert_eq!(counts, (planned.calls, planned.failed_calls, planned.unpriced));
    let by_kind: BTreeMap<_, _> = totals.by_kind().iter().map(|k| (k.kind.as_str(), k.cost.picos())).collect();
    assert_eq!(by_kind, planned.by_kind.iter().map(|(k, v)| (*k, *v)).collect());
    let by_model: BTreeMap<_, _> = totals.by_model().iter().map(|m| (&*m.model, m.cost.picos())).collect();
    assert_eq!(by_model, planned.by_model.iter().map(|(k, v)| (*k, *v)).collect());
}
