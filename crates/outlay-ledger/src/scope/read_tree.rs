//! Reads a scope and all open scopes below it. Trees can be arbitrarily deep, so nothing here recurses, and no lock is
//! held while another is taken.
//!
//! A scope that closes during a read is counted once. Either its figures are already in the totals of its parent, or it
//! is still in the parent's list of open scopes and is read from there.

use std::sync::Arc;
use std::vec;

use super::Scope;
use super::scope_state::Snapshot;
use crate::Totals;
use crate::record::{Record, ScopeRecord};
use crate::sync::lock;

/// A scope that is being read.
struct Frame {
    scope: Scope,
    read: Snapshot,
    /// The open scopes in it that have not been read yet.
    open: vec::IntoIter<Scope>,
}

impl Frame {
    fn enter(scope: &Scope, with_records: bool) -> Self {
        let (read, open) = lock(&scope.0.state).snapshot(with_records);
        Self { scope: scope.clone(), read, open: open.into_iter() }
    }

    /// Returns the totals of the scope. All open scopes in it must have been read before.
    fn totals(&mut self) -> Totals {
        if self.read.failure.is_some() {
            self.read.totals.mark_failed();
        }
        std::mem::take(&mut self.read.totals)
    }
}

impl Scope {
    /// Returns the totals so far of the scope and all scopes below it.
    pub fn totals(&self) -> Totals {
        self.read(false).totals
    }

    /// Returns a snapshot of the scope with the records that a report keeps.
    pub fn record(&self) -> ScopeRecord {
        let closed = lock(&self.0.state).closed_record();
        closed.map_or_else(|| self.read(true), |closed| (*closed).clone())
    }

    fn read(&self, with_records: bool) -> ScopeRecord {
        let mut ancestors: Vec<Frame> = Vec::new();
        let mut frame = Frame::enter(self, with_records);
        loop {
            if let Some(child) = frame.open.next() {
                let with_records = with_records && child.0.kept;
                ancestors.push(std::mem::replace(&mut frame, Frame::enter(&child, with_records)));
                continue;
            }
            let totals = frame.totals();
            let Frame { scope, read, .. } = frame;
            let Some(mut outer) = ancestors.pop() else {
                return scope.record_of(read, totals);
            };
            outer.read.totals.add(&totals, read.failure.is_some());
            if with_records && scope.0.kept {
                outer.read.records.push(Record::Scope(Arc::new(scope.record_of(read, totals))));
            } else {
                outer.read.elided.add(totals.known());
            }
            frame = outer;
        }
    }

    pub(super) fn record_of(&self, read: Snapshot, totals: Totals) -> ScopeRecord {
        ScopeRecord {
            kind: self.0.kind.clone(),
            name: self.0.name.clone(),
            started: self.0.started,
            ended: read.ended,
            failure: read.failure,
            totals,
            children: read.records,
            elided: read.elided,
        }
    }

    /// Returns whether the scope, or an open scope below it, waits for receipts.
    pub(super) fn waits_for_receipts(&self) -> bool {
        let mut scopes = vec![self.clone()];
        while let Some(scope) = scopes.pop() {
            let state = lock(&scope.0.state);
            if state.waits_for_receipts() {
                return true;
            }
            scopes.extend(state.open_children().cloned());
        }
        false
    }
}
