//! The task's records as a tree of nodes in order of start, each with its figures.

use std::time::SystemTime;

use outlay_ledger::{CallRecord, ChargeRecord, Record, RemoteRecord, ScopeKind, ScopeRecord};
use outlay_price::{CostStatus, Usd};

use super::figures::{Figures, Pending};

/// A task's tree. The first node is the root; a child comes after its parent.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) what: What<'a>,
    pub(super) figures: Figures,
    pub(super) parent: usize,
    pub(super) depth: usize,
    /// In order of start.
    pub(super) children: Vec<usize>,
    /// What the scope held that is not among its children, for its record keeps only so much.
    pub(super) rest: Rest,
    /// What the scope itself has open, beside scopes.
    pub(super) own_pending: Pending,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    Scope(&'a ScopeRecord),
    Call(&'a CallRecord),
    Charge(&'a ChargeRecord),
    Remote(&'a RemoteRecord),
}

/// Things without a row of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// How many; 0 where money is missing from the records and nobody counted what.
    pub(super) records: u64,
    pub(super) figures: Figures,
}

impl<'a> Tree<'a> {
    /// A task that holds a single scope and nothing else starts with that one: the header names the task already.
    pub(super) fn of(task: &'a ScopeRecord) -> Self {
        let mut tree = Self::below(task);
        if let [only] = &*tree.nodes[0].children
            && let What::Scope(scope) = tree.nodes[*only].what
            && task.failure.is_none()
            && tree.nodes[0].rest.is_empty()
            && tree.nodes[0].own_pending.is_nothing()
        {
            tree = Self::below(scope);
        }
        tree
    }

    fn below(scope: &'a ScopeRecord) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.add(What::Scope(scope), 0, 0);
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
        self.nodes.iter().filter_map(|node| match node.what {
            What::Call(call) => Some(call),
            What::Scope(_) | What::Charge(_) | What::Remote(_) => None,
        })
    }

    /// Adds a record and all below it.
    fn add(&mut self, what: What<'a>, parent: usize, depth: usize) -> usize {
        let index = self.nodes.len();
        let figures = match what {
            What::Scope(scope) => Figures::of_totals(&scope.totals, Usd::ZERO),
            What::Call(call) => Figures::of_call(call),
            What::Charge(charge) => Figures::of_charge(charge),
            What::Remote(remote) => Figures::of_remote(remote),
        };
        let children = Vec::new();
        let node =
            Node { what, figures, parent, depth, children, rest: Rest::default(), own_pending: Pending::default() };
        self.nodes.push(node);
        if let What::Scope(scope) = what {
            let mut children: Vec<What<'a>> = scope.children.iter().filter_map(What::of).collect();
            children.sort_by_key(What::started);
            let children = children.into_iter().map(|c| self.add(c, index, depth + 1)).collect();
            self.complete(index, scope, children);
        }
        index
    }

    /// Fills in what only the children tell.
    fn complete(&mut self, index: usize, scope: &ScopeRecord, children: Vec<usize>) {
        let held = children.iter().fold(Figures::default(), |sum, c| sum.and(self.nodes[*c].figures));
        let figures = Figures::of_totals(&scope.totals, held.partial);
        let mut rest = Rest { records: scope.elided.records, figures: figures.without(held) };
        let own_pending = rest.figures.pending;
        // Calls that have not ended are the scope's own, whatever else its record leaves out.
        rest.figures.pending = Pending::default();
        let unexplained = figures.status == CostStatus::Unpriced && held.status != CostStatus::Unpriced;
        if unexplained && rest.records > 0 && own_pending.is_nothing() {
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
        matches!(self.what, What::Scope(_))
    }

    /// Whether this is a task in which nothing happened.
    pub(super) fn is_empty_task(&self) -> bool {
        let is_task = matches!(self.what, What::Scope(ScopeRecord { kind: ScopeKind::Task, failure: None, .. }));
        is_task && self.children.is_empty() && self.rest.is_empty() && self.own_pending.is_nothing()
    }

    pub(super) fn is_failed(&self) -> bool {
        match self.what {
            What::Scope(scope) => scope.failure.is_some(),
            What::Call(call) => call.failed && !call.refused,
            What::Charge(_) | What::Remote(_) => false,
        }
    }
}

impl<'a> What<'a> {
    /// `None` for a kind of record that is newer than this: its scope's rest then holds its cost.
    fn of(record: &'a Record) -> Option<Self> {
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
        self.figures = self.figures.and(figures);
    }
}
