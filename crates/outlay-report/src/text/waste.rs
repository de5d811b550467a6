//! What was spent for nothing, and under what.

use outlay_ledger::{CallRecord, ScopeKind, ScopeRecord, StepKind};
use outlay_price::Usd;

use super::figures::Figures;
use super::look::Look;
use super::numbers::count;
use super::table::kind;
use super::tree::{Tree, What};

/// A cause of waste.
#[derive(Debug)]
pub(super) struct Cause {
    /// `under act draft the reply`, `in 2 failed calls`.
    pub(super) text: String,
    pub(super) figures: Figures,
}

/// The causes, the most expensive one first; each cost is under one of them.
pub(super) fn causes(tree: &Tree<'_>, failed_cost: Usd, look: &Look) -> Vec<Cause> {
    let mut found = Found { tree, look, scopes: Vec::new(), calls: Figures::default() };
    if tree.root().is_failed() {
        found.scope(0, false);
    } else {
        found.below(0);
    }
    let Found { scopes: mut causes, calls, .. } = found;
    if calls.calls > 0 {
        causes.push(Cause { text: format!("in {}", count(calls.calls, "failed call")), figures: calls });
    }
    // A plan whose only call was refused, for example, has wasted nothing.
    causes.retain(|cause| cause.figures.calls > 0 || !cause.is_free());
    // What failed for free is worth a word only where all did.
    if causes.iter().any(|cause| !cause.is_free()) {
        causes.retain(|cause| !cause.is_free());
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.figures.cost));
    let rest = failed_cost - causes.iter().map(|cause| cause.figures.cost).sum();
    if !rest.is_zero() {
        let figures = Figures { cost: rest, ..Figures::default() };
        causes.push(Cause { text: "elsewhere".to_owned(), figures });
    }
    causes
}

impl Cause {
    fn is_free(&self) -> bool {
        self.figures.cost.is_zero() && !self.figures.is_unknown()
    }
}

#[derive(Debug)]
struct Found<'a> {
    tree: &'a Tree<'a>,
    look: &'a Look,
    scopes: Vec<Cause>,
    /// The calls that failed where no scope did, as one.
    calls: Figures,
}

impl Found<'_> {
    fn below(&mut self, index: usize) {
        let tree = self.tree;
        let children = &tree.node(index).children;
        for (i, child) in children.iter().enumerate() {
            let node = tree.node(*child);
            match node.what {
                What::Scope(_) if node.is_failed() => {
                    let asked_again = children[i + 1..].iter().any(|later| is_retry(tree.node(*later).what));
                    self.scope(*child, asked_again);
                }
                What::Scope(_) => self.below(*child),
                What::Call(CallRecord { failed: true, refused: false, .. }) => {
                    self.calls = self.calls.and(node.figures)
                }
                What::Call(_) | What::Charge(_) | What::Remote(_) => {}
            }
        }
    }

    fn scope(&mut self, index: usize, asked_again: bool) {
        let node = self.tree.node(index);
        let What::Scope(scope) = node.what else { return };
        let again = if asked_again { ", then asked again" } else { "" };
        let text = format!("under {} {}{again}", kind(scope, self.look), self.look.clean(&scope.name));
        self.scopes.push(Cause { text, figures: node.figures });
    }
}

fn is_retry(what: What<'_>) -> bool {
    matches!(what, What::Scope(ScopeRecord { kind: ScopeKind::Step(StepKind::Retry), .. }))
}
