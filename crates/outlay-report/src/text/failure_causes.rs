//! The causes of wasted cost: the scopes and calls that failed.

use outlay_ledger::{CallRecord, ScopeKind, ScopeRecord, StepKind};
use outlay_price::Usd;

use super::figures::Figures;
use super::numbers::count;
use super::rows::kind_label;
use super::theme::Theme;
use super::tree::{NodeKind, Tree};

/// A cause of wasted cost.
#[derive(Debug)]
pub(super) struct FailureCause {
    /// `under act draft the reply`, `in 2 failed calls`.
    pub(super) text: String,
    pub(super) figures: Figures,
}

/// Returns the causes, the most expensive first. Each cost is counted under one cause.
pub(super) fn causes(tree: &Tree<'_>, failed_cost: Usd, theme: &Theme) -> Vec<FailureCause> {
    let mut collector = Collector { tree, theme, scopes: Vec::new(), calls: Figures::default() };
    if tree.root().is_failed() {
        collector.add_scope(0, false);
    } else {
        collector.visit_children(0);
    }
    let Collector { scopes: mut causes, calls, .. } = collector;
    if calls.calls > 0 {
        causes.push(FailureCause { text: format!("in {}", count(calls.calls, "failed call")), figures: calls });
    }
    // For example, a plan whose only call was refused has wasted nothing.
    causes.retain(|cause| cause.figures.calls > 0 || !cause.is_free());
    // List failures without cost only if there are no others.
    if causes.iter().any(|cause| !cause.is_free()) {
        causes.retain(|cause| !cause.is_free());
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.figures.cost));
    let rest = failed_cost - causes.iter().map(|cause| cause.figures.cost).sum();
    if !rest.is_zero() {
        let figures = Figures { cost: rest, ..Figures::default() };
        causes.push(FailureCause { text: "elsewhere".to_owned(), figures });
    }
    causes
}

impl FailureCause {
    fn is_free(&self) -> bool {
        self.figures.cost.is_zero() && !self.figures.is_unknown()
    }
}

#[derive(Debug)]
struct Collector<'a> {
    tree: &'a Tree<'a>,
    theme: &'a Theme,
    scopes: Vec<FailureCause>,
    /// The sum of the failed calls outside failed scopes.
    calls: Figures,
}

impl Collector<'_> {
    fn visit_children(&mut self, index: usize) {
        let tree = self.tree;
        let children = &tree.node(index).children;
        for (i, child) in children.iter().enumerate() {
            let node = tree.node(*child);
            match node.kind {
                NodeKind::Scope(_) if node.is_failed() => {
                    let is_retried = children[i + 1..].iter().any(|later| is_retry(tree.node(*later).kind));
                    self.add_scope(*child, is_retried);
                }
                NodeKind::Scope(_) => self.visit_children(*child),
                NodeKind::Call(CallRecord { failed: true, refused: false, .. }) => {
                    self.calls = self.calls.plus(node.figures)
                }
                NodeKind::Call(_) | NodeKind::Charge(_) | NodeKind::Remote(_) => {}
            }
        }
    }

    fn add_scope(&mut self, index: usize, is_retried: bool) {
        let node = self.tree.node(index);
        let NodeKind::Scope(scope) = node.kind else { return };
        let again = if is_retried { ", then asked again" } else { "" };
        let text = format!("under {} {}{again}", kind_label(scope, self.theme), self.theme.clean(&scope.name));
        self.scopes.push(FailureCause { text, figures: node.figures });
    }
}

fn is_retry(node: NodeKind<'_>) -> bool {
    matches!(node, NodeKind::Scope(ScopeRecord { kind: ScopeKind::Step(StepKind::Retry), .. }))
}
