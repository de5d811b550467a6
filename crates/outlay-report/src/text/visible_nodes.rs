//! The nodes to show of a tree that is too large: the most expensive branches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use outlay_price::Usd;

use super::tree::{Rest, Tree};

/// The maximum depth of a row. A deeper indentation would leave no room for names.
const MAX_DEPTH: usize = 8;
/// The maximum number of calls and charges shown of a scope with more children than rows.
const MAX_LEAVES: usize = 8;
const MIN_OPENED: usize = 3;

/// The nodes that are shown. A node is shown only if its parent is.
#[derive(Debug)]
pub(super) struct VisibleNodes {
    shown: Vec<bool>,
}

/// A node without a row. The greatest candidate gets the next row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// False for a scope's only call, which adds little to the scope's row and so comes last.
    adds_detail: bool,
    cost: Usd,
    failed: bool,
    node: Reverse<usize>,
}

impl VisibleNodes {
    /// Selects the branches that fit into `rows`. A scope that is shown in part takes one more row, for the rest; a
    /// scope without shown children takes none.
    pub(super) fn select(tree: &Tree<'_>, rows: usize) -> Self {
        let mut select = Self { shown: vec![false; tree.len()] };
        let mut shown_children = vec![0; tree.len()];
        let mut candidates = BinaryHeap::new();
        select.shown[0] = true;
        push_candidates(tree, 0, rows, &mut candidates);
        let mut used = 1;
        while let Some(Candidate { node: Reverse(index), .. }) = candidates.pop() {
            let parent = tree.node(index).parent;
            let before = shown_children[parent];
            // The candidate's own row, and the row for the rest if it is added or removed.
            let after = used + 1 + rest_rows(tree, parent, before + 1);
            let after = after - rest_rows(tree, parent, before);
            // Opens a scope only if there is room for a few of its children.
            let others = if before == 0 { tree.node(parent).children.len().min(MIN_OPENED) - 1 } else { 0 };
            if after + others > rows {
                continue;
            }
            used = after;
            shown_children[parent] += 1;
            select.shown[index] = true;
            push_candidates(tree, index, rows, &mut candidates);
        }
        select
    }

    /// Returns the shown children of a node in order, and the rest of what it holds. Both are empty if the node's own
    /// row covers everything.
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

fn push_candidates(tree: &Tree<'_>, index: usize, rows: usize, candidates: &mut BinaryHeap<Candidate>) {
    let node = tree.node(index);
    if node.depth >= MAX_DEPTH {
        return;
    }
    let is_only = node.children.len() == 1;
    let (scopes, mut leaves): (Vec<Candidate>, Vec<Candidate>) = node
        .children
        .iter()
        .map(|child| {
            let below = tree.node(*child);
            Candidate {
                adds_detail: !is_only || below.is_scope(),
                cost: below.figures.cost,
                failed: below.is_failed(),
                node: Reverse(*child),
            }
        })
        .partition(|candidate| tree.node(candidate.node.0).is_scope());
    if node.children.len() > rows {
        leaves.sort_unstable_by(|a, b| b.cmp(a));
        leaves.truncate(MAX_LEAVES);
    }
    candidates.extend(scopes.into_iter().chain(leaves));
}

/// Returns the number of rows that the rest of a node takes if `shown` of its children are shown.
fn rest_rows(tree: &Tree<'_>, index: usize, shown: usize) -> usize {
    let node = tree.node(index);
    usize::from(shown > 0 && (shown < node.children.len() || !node.rest.is_empty()))
}
