//! Which part of a tree is shown when there is no room for all of it: the most expensive branches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use outlay_price::Usd;

use super::tree::{Rest, Tree};

/// Deeper than this, a branch is one row: its indentation would leave no room for names.
const MAX_DEPTH: usize = 8;
/// Of a scope that holds more than a page, at most this many calls and charges are shown: they are much alike.
const MAX_LEAVES: usize = 8;
const FEW: usize = 3;

/// The nodes that are shown. One is shown only if the one above it is.
#[derive(Debug)]
pub(super) struct Shown {
    shown: Vec<bool>,
}

/// What has no row yet; the one with the highest claim gets the next.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// A scope's only call says little that the scope's row does not: it comes last.
    tells_more: bool,
    cost: Usd,
    failed: bool,
    node: Reverse<usize>,
}

impl Shown {
    /// The branches that fit into so many rows. A scope of which only a part is shown takes one row more, which
    /// holds the rest; a scope of which nothing is shown needs none.
    pub(super) fn select(tree: &Tree<'_>, rows: usize) -> Self {
        let mut select = Self { shown: vec![false; tree.len()] };
        let mut shown_children = vec![0; tree.len()];
        let mut claims = BinaryHeap::new();
        select.shown[0] = true;
        claim_children(tree, 0, rows, &mut claims);
        let mut used = 1;
        while let Some(Claim { node: Reverse(index), .. }) = claims.pop() {
            let parent = tree.node(index).parent;
            let before = shown_children[parent];
            // The claim's own row, and that of the rest if it comes or goes.
            let after = used + 1 + rest_rows(tree, parent, before + 1);
            let after = after - rest_rows(tree, parent, before);
            // One row of many says nothing: a scope is opened where there is room for a few.
            let few = if before == 0 { tree.node(parent).children.len().min(FEW) - 1 } else { 0 };
            if after + few > rows {
                continue;
            }
            used = after;
            shown_children[parent] += 1;
            select.shown[index] = true;
            claim_children(tree, index, rows, &mut claims);
        }
        select
    }

    /// The shown children of a node, in order, and what else it holds; no children and no rest where the node's own
    /// row stands for all.
    pub(super) fn children(&self, tree: &Tree<'_>, index: usize) -> (Vec<usize>, Option<Rest>) {
        let node = tree.node(index);
        let (shown, hidden): (Vec<usize>, Vec<usize>) = node.children.iter().partition(|c| self.shown[**c]);
        if shown.is_empty() {
            return (shown, None);
        }
        let mut rest = node.rest;
        for child in hidden {
            rest.add(tree.node(child).figures);
        }
        let rest = (!rest.is_empty()).then_some(rest);
        (shown, rest)
    }
}

fn claim_children(tree: &Tree<'_>, index: usize, rows: usize, claims: &mut BinaryHeap<Claim>) {
    let node = tree.node(index);
    if node.depth >= MAX_DEPTH {
        return;
    }
    let is_only = node.children.len() == 1;
    let (scopes, mut leaves): (Vec<Claim>, Vec<Claim>) = node
        .children
        .iter()
        .map(|child| {
            let below = tree.node(*child);
            Claim {
                tells_more: !is_only || below.is_scope(),
                cost: below.figures.cost,
                failed: below.is_failed(),
                node: Reverse(*child),
            }
        })
        .partition(|claim| tree.node(claim.node.0).is_scope());
    if node.children.len() > rows {
        leaves.sort_unstable_by(|a, b| b.cmp(a));
        leaves.truncate(MAX_LEAVES);
    }
    claims.extend(scopes.into_iter().chain(leaves));
}

/// How many rows the rest of a node takes when so many of its children are shown.
fn rest_rows(tree: &Tree<'_>, index: usize, shown: usize) -> usize {
    let node = tree.node(index);
    usize::from(shown > 0 && (shown < node.children.len() || !node.rest.is_empty()))
}
