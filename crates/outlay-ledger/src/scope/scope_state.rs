use std::sync::Arc;
use std::time::SystemTime;

use super::Scope;
use crate::alert::ReportedAlerts;
use crate::record::{CallRecord, ChargeRecord, Elided, Record, RemoteRecord, ScopeRecord};
use crate::sync::atomic::Ordering;
use crate::{CostKind, Totals};

use super::closing::CloseObserver;

/// The state of a scope, under its lock. Locks are taken from parent to child, never the other way.
#[derive(Default)]
pub(crate) struct ScopeState {
    phase: Phase,
    open_calls: u64,
    open_remotes: u64,
    /// The number of holds by code that runs elsewhere and may still make calls.
    holds: u64,
    /// Unordered. Each child knows its index here, so that closing one takes constant time.
    open_children: Vec<Scope>,
    /// The totals of the scope's own calls and charges, and of closed children.
    settled: Totals,
    failure: Option<Arc<str>>,
    records: Vec<Record>,
    elided: Elided,
    ended: Option<SystemTime>,
    observer: Option<CloseObserver>,
    /// The alerts reported for the scope. There are rarely any.
    pub(super) reported_alerts: Option<Box<ReportedAlerts>>,
    /// The record at the time of closing. The scope's own report and that of its parent share it.
    closed: Option<Arc<ScopeRecord>>,
}

/// The state of the wait for a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptWait {
    Open,
    /// The receipt was given up, but may still arrive.
    Lost,
    Settled,
}

/// A copy of the state of a scope, without its open children.
pub(super) struct Snapshot {
    pub(super) totals: Totals,
    pub(super) failure: Option<Arc<str>>,
    pub(super) ended: Option<SystemTime>,
    pub(super) records: Vec<Record>,
    pub(super) elided: Elided,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Its own code runs.
    #[default]
    Open,
    /// Its own code has ended, but it may have open work.
    Finished,
    /// It is being closed with its open work, and accepts no new work.
    Closing,
    /// Its totals are final and part of its parent's.
    Closed,
}

impl ScopeState {
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Returns whether the scope accepts no new work.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.phase, Phase::Closing | Phase::Closed)
    }

    /// Shuts the scope for new work. Returns false if it has closed.
    pub(super) fn shut(&mut self) -> bool {
        if self.is_closed() {
            return false;
        }
        self.phase = Phase::Closing;
        true
    }

    /// Returns whether the scope is finished and has no open work.
    pub(crate) fn is_settled(&self) -> bool {
        let has_no_open_work =
            self.open_calls == 0 && self.open_remotes == 0 && self.holds == 0 && self.open_children.is_empty();
        self.phase == Phase::Finished && has_no_open_work
    }

    /// Marks the scope's own code as ended. Returns false if it had ended before.
    pub(super) fn finish(&mut self, now: SystemTime) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        self.phase = Phase::Finished;
        self.ended = Some(now);
        true
    }

    pub(super) fn fail(&mut self, reason: Arc<str>) {
        // The span of a closed scope has ended and cannot be changed.
        if !self.is_closed() {
            self.failure.get_or_insert(reason);
        }
    }

    pub(super) fn failure(&self) -> Option<&Arc<str>> {
        self.failure.as_ref()
    }

    pub(super) fn ended(&self) -> Option<SystemTime> {
        self.ended
    }

    pub(super) fn open_children(&self) -> impl Iterator<Item = &Scope> {
        self.open_children.iter()
    }

    /// Returns the open children, in the order in which they were opened.
    pub(super) fn open_in_order(&self) -> Vec<Scope> {
        let mut open = self.open_children.clone();
        open.sort_by_key(|child| (child.0.started, child.0.id));
        open
    }

    /// Returns a copy of the state, and the open children.
    pub(super) fn snapshot(&self, with_records: bool) -> (Snapshot, Vec<Scope>) {
        let mut totals = self.settled.clone();
        let mut open = Vec::new();
        if !self.is_closed() {
            totals.pending_calls += self.open_calls;
            totals.pending_receipts += self.open_remotes;
            open = self.open_in_order();
        }
        let records = match &self.closed {
            _ if !with_records => Vec::new(),
            Some(closed) => closed.children.clone(),
            None => self.records.clone(),
        };
        let Self { ref failure, ended, elided, .. } = *self;
        (Snapshot { totals, failure: failure.clone(), ended, records, elided }, open)
    }

    /// Returns the record at the time of closing, if the scope has closed.
    pub(super) fn closed_record(&self) -> Option<Arc<ScopeRecord>> {
        self.closed.clone()
    }

    /// Sets the observer. Returns it as an error if the scope has closed, or else the one that it replaces, to be dropped
    /// without the lock.
    pub(super) fn observe(&mut self, observer: CloseObserver) -> Result<Option<CloseObserver>, CloseObserver> {
        if self.is_closed() {
            return Err(observer);
        }
        Ok(self.observer.replace(observer))
    }

    /// Adds a child. Returns false if the scope has shut.
    pub(super) fn adopt(&mut self, child: Scope) -> bool {
        if self.is_shut() {
            return false;
        }
        child.0.index.store(self.open_children.len(), Ordering::Relaxed);
        self.open_children.push(child);
        true
    }

    /// Counts an open call. Returns false if the scope is shut.
    pub(crate) fn open_call(&mut self) -> bool {
        self.open_calls += 1;
        !self.is_shut()
    }

    /// Counts a settled call. Returns false if the scope has closed, so that the call is late.
    pub(crate) fn settle_call(&mut self, call: CallRecord, kind: &CostKind, keep: bool) -> bool {
        self.open_calls = self.open_calls.saturating_sub(1);
        if self.is_closed() {
            return false;
        }
        self.settled.add_call(&call, kind);
        if keep || !call.refused {
            self.keep(Record::Call(Box::new(call)), keep);
        }
        true
    }

    /// Counts a hold. Returns false if the scope is shut.
    pub(super) fn hold(&mut self) -> bool {
        self.holds += 1;
        !self.is_shut()
    }

    pub(super) fn release(&mut self) {
        self.holds = self.holds.saturating_sub(1);
    }

    /// Returns whether the scope itself waits for receipts.
    pub(super) const fn waits_for_receipts(&self) -> bool {
        self.open_remotes > 0
    }

    /// Returns whether the scope's own code has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Removes an open call that was not made. Nothing is counted.
    pub(crate) fn drop_call(&mut self) {
        self.open_calls = self.open_calls.saturating_sub(1);
    }

    /// Counts open remote work. Returns false if the scope is shut.
    pub(crate) fn open_remote(&mut self) -> bool {
        self.open_remotes += 1;
        !self.is_shut()
    }

    /// Removes open remote work that was not sent.
    pub(crate) fn drop_remote(&mut self) {
        self.open_remotes = self.open_remotes.saturating_sub(1);
    }

    /// Counts the receipt of remote work as lost.
    pub(crate) fn lose_remote(&mut self, was: ReceiptWait, lost: RemoteRecord, keep: bool) {
        if was == ReceiptWait::Open {
            self.drop_remote();
        }
        if !self.is_closed() {
            self.settled.lost_receipts += 1;
            self.keep(Record::Remote(Box::new(lost)), keep);
        }
    }

    /// Counts remote work. Returns false if the scope has closed, so that the receipt is late.
    pub(crate) fn settle_remote(
        &mut self,
        was: ReceiptWait,
        remote: RemoteRecord,
        kind: &CostKind,
        keep: bool,
    ) -> bool {
        match was {
            ReceiptWait::Open => self.drop_remote(),
            ReceiptWait::Lost if !self.is_closed() => self.remove_lost(&remote),
            ReceiptWait::Lost | ReceiptWait::Settled => {}
        }
        if self.is_closed() {
            return false;
        }
        if let Some(totals) = &remote.totals {
            self.settled.add_remote(totals, kind);
        }
        self.keep(Record::Remote(Box::new(remote)), keep);
        true
    }

    /// Removes a lost receipt that has arrived.
    fn remove_lost(&mut self, found: &RemoteRecord) {
        self.settled.lost_receipts = self.settled.lost_receipts.saturating_sub(1);
        let is_lost_record = |record: &Record| match record {
            Record::Remote(lost) => lost.totals.is_none() && lost.name == found.name && lost.started == found.started,
            _ => false,
        };
        if let Some(index) = self.records.iter().position(is_lost_record) {
            self.records.remove(index);
        }
    }

    pub(super) fn add_external(&mut self, charge: ChargeRecord, kind: &CostKind, keep: bool) -> bool {
        if self.is_closed() {
            return false;
        }
        self.settled.add_external(&charge.charge, kind);
        self.keep(Record::Charge(charge), keep);
        true
    }

    /// Closes the scope, which must have no open children. Its records move into the returned record.
    pub(super) fn close(&mut self, scope: &Scope) -> (Arc<ScopeRecord>, Option<CloseObserver>) {
        self.phase = Phase::Closed;
        self.settled.abandon_pending(self.open_calls, self.open_remotes);
        if self.failure.is_some() {
            self.settled.mark_failed();
        }
        let records = std::mem::take(&mut self.records);
        let (own, _) = self.snapshot(false);
        let totals = own.totals.clone();
        let record = Arc::new(scope.record_of(Snapshot { records, ..own }, totals));
        self.closed = Some(record.clone());
        (record, self.observer.take())
    }

    /// Removes a child that closes, and adds its totals.
    pub(super) fn fold(&mut self, child: &Scope, record: Arc<ScopeRecord>, keep: bool) {
        self.remove_child(child);
        if self.is_closed() {
            return;
        }
        self.settled.add(&record.totals, record.failure.is_some());
        self.keep(Record::Scope(record), keep);
    }

    fn remove_child(&mut self, child: &Scope) {
        let index = child.0.index.load(Ordering::Relaxed);
        if self.open_children.get(index) == Some(child) {
            self.open_children.swap_remove(index);
            if let Some(moved) = self.open_children.get(index) {
                moved.0.index.store(index, Ordering::Relaxed);
            }
        }
    }

    fn keep(&mut self, record: Record, keep: bool) {
        if keep {
            self.records.push(record);
        } else {
            self.elided.add(record.cost());
        }
    }
}
