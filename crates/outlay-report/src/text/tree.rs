//! The task's records as a tree of nodes with figures, ordered by start.

use std::time::SystemTime;

use outlay_ledger::{CallRecord, ChargeRecord, Record, RemoteRecord, ScopeKind, ScopeRecord};
use outlay_price::{CostStatus, Usd};

use super::figures::{Figures, Pending};

/// The tree of a task. The first node is the root, and a child comes after its parent.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: NodeKind<'a>,
    pub(super) figures: Figures,
    pub(super) parent: usize,
    pub(super) depth: usize,
    /// Ordered by start.
    pub(super) children: Vec<usize>,
    /// The part of the scope that its record did not keep.
    pub(super) rest: Rest,
    /// The open calls and receipts of the scope itself, without its child scopes.
    pub(super) own_pending: Pending,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum NodeKind<'a> {
    Scope(&'a ScopeRecord),
    Call(&'a CallRecord),
    Charge(&'a ChargeRecord),
    Remote(&'a RemoteRecord),
}

/// The records without a row of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// The number of records; 0 if the records lack a cost that was not itemized.
    pub(super) records: u64,
    pub(super) figures: Figures,
}

impl<'a> Tree<'a> {
    /// Returns the tree of a task. If the task holds only a single scope, that scope is the root, because the header
    /// already names the task.
    pub(super) fn new(task: &'a ScopeRecord) -> Self {
        let mut tree = Self::rooted_at(task);
        if let [only] = &*tree.nodes[0].children
            && let NodeKind::Scope(scope) = tree.nodes[*only].kind
            && task.failure.is_none()
            && tree.nodes[0].rest.is_empty()
            && tree.nodes[0].own_pending.is_empty()
        {
            tree = Self::rooted_at(scope);
        }
        tree
    }

    fn rooted_at(scope: &'a ScopeRecord) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.add(NodeKind::Scope(scope), 0, 0);
        tree
    }

    pub(super) fn root(&self) -> &Node<'a> {
        &self.nodes[0]
    }

    pub(super) fn node(&self, index: usize) -> &Node<'a> {
        &self.nodes[index]
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = &'a CallRecord> {
        self.nodes.iter().filter_map(|node| match node.kind {
            NodeKind::Call(call) => Some(call),
            NodeKind::Scope(_) | NodeKind::Charge(_) | NodeKind::Remote(_) => None,
        })
    }

    /// Adds a record and its descendants, and returns its index.
    fn add(&mut self, kind: NodeKind<'a>, parent: usize, depth: usize) -> usize {
        let index = self.nodes.len();
        let figures = match kind {
            NodeKind::Scope(scope) => Figures::of_totals(&scope.totals, Usd::ZERO),
            NodeKind::Call(call) => Figures::of_call(call),
            NodeKind::Charge(charge) => Figures::of_charge(charge),
            NodeKind::Remote(remote) => Figures::of_remote(remote),
        };
        let children = Vec::new();
        let node =
            Node { kind, figures, parent, depth, children, rest: Rest::default(), own_pending: Pending::default() };
        self.nodes.push(node);
        if let NodeKind::Scope(scope) = kind {
            let mut children: Vec<NodeKind<'a>> = scope.children.iter().filter_map(NodeKind::from_record).collect();
            children.sort_by_key(NodeKind::started);
            let children = children.into_iter().map(|c| self.add(c, index, depth + 1)).collect();
            self.complete(index, scope, children);
        }
        index
    }

    /// Sets what depends on the children of a node.
    fn complete(&mut self, index: usize, scope: &ScopeRecord, children: Vec<usize>) {
        let listed = children.iter().fold(Figures::default(), |sum, c| sum.plus(self.nodes[*c].figures));
        let figures = Figures::of_totals(&scope.totals, listed.partial);
        let mut rest = Rest { records: scope.elided.records, figures: figures.minus(listed) };
        let own_pending = rest.figures.pending;
        // Open calls are the scope's own, whatever else its record leaves out.
        rest.figures.pending = Pending::default();
        let unexplained = figures.status == CostStatus::Unpriced && listed.status != CostStatus::Unpriced;
        if unexplained && rest.records > 0 && own_pending.is_empty() {
            rest.figures.status = CostStatus::Unpriced;
        }
        let node = &mut self.nodes[index];
        node.figures = figures;
        node.children = children;
        node.rest = rest;
        node.own_pending = own_pending;
    }
}

impl Node<'_> {
    pub(super) const fn is_scope(&self) -> bool {
        matches!(self.kind, NodeKind::Scope(_))
    }

    /// Returns whether this is a task in which nothing happened.
    pub(super) fn is_empty_task(&self) -> bool {
        let is_task = matches!(self.kind, NodeKind::Scope(ScopeRecord { kind: ScopeKind::Task, failure: None, .. }));
        is_task && self.children.is_empty() && self.rest.is_empty() && self.own_pending.is_empty()
    }

    pub(super) fn is_failed(&self) -> bool {
        match self.kind {
            NodeKind::Scope(scope) => scope.failure.is_some(),
            NodeKind::Call(call) => call.failed && !call.refused,
            NodeKind::Charge(_) | NodeKind::Remote(_) => false,
        }
    }
}

impl<'a> NodeKind<'a> {
    /// Returns the kind of a record, or `None` for a record type that this version does not know. The cost of such a
    /// record is in its scope's rest.
    fn from_record(record: &'a Record) -> Option<Self> {
        match record {
            Record::Scope(scope) => Some(Self::Scope(scope)),
            Record::Call(call) => Some(Self::Call(call)),
            Record::Charge(charge) => Some(Self::Charge(charge)),
            Record::Remote(remote) => Some(Self::Remote(remote)),
            _ => None,
        }
    }

    fn started(&self) -> SystemTime {
        match self {
            Self::Scope(scope) => scope.started,
            Self::Call(call) => call.started,
            Self::Charge(charge) => charge.at,
            Self::Remote(remote) => remote.started,
        }
    }
}

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0 && self.figures.cost.is_zero()
    }

    pub(super) fn add(&mut self, figures: Figures) {
        self.records += 1;
        self.figures = self.figures.plus(figures);
    }
}
