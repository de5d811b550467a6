use std::sync::Arc;
use std::time::SystemTime;

use super::Scope;
use crate::alert::SeenAlerts;
use crate::record::{CallRecord, ChargeRecord, Elided, Record, RemoteRecord, ScopeRecord};
use crate::sync::atomic::Ordering;
use crate::{CostKind, Totals};

use super::closing::Observer;

/// What a scope holds, under its lock. Locks are taken from the parent to the child, never the other way.
#[derive(Default)]
pub(crate) struct ScopeState {
    phase: Phase,
    open_calls: u64,
    open_remotes: u64,
    /// Code that runs elsewhere and may yet call.
    holds: u64,
    /// In no order. Each knows its place here, so that one of very many closes as fast as one of few.
    open_children: Vec<Scope>,
    /// The scope's own charges and those of the children that have closed.
    settled: Totals,
    failure: Option<Arc<str>>,
    records: Vec<Record>,
    elided: Elided,
    ended: Option<SystemTime>,
    observer: Option<Observer>,
    /// The alerts reported for the scope. There are rarely any.
    pub(super) seen_alerts: Option<Box<SeenAlerts>>,
    /// What it was when it closed. Its own report has it, and that of the scope around it.
    closed: Option<Arc<ScopeRecord>>,
}

/// How far the wait for a receipt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Open,
    /// It was given up; it may yet come.
    Lost,
    Settled,
}

/// A copy of what a scope holds, without the scopes that are still open in it.
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
    /// Its own code has ended; something that it holds may be open.
    Finished,
    /// It is being closed with whatever is open in it; nothing new comes in.
    Closing,
    /// Its totals are written and part of its parent's.
    Closed,
}

impl ScopeState {
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether nothing can be opened in it any more.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.phase, Phase::Closing | Phase::Closed)
    }

    /// Lets nothing new in; false where the scope has closed.
    pub(super) fn shut(&mut self) -> bool {
        if self.is_closed() {
            return false;
        }
        self.phase = Phase::Closing;
        true
    }

    /// Whether nothing is left to wait for.
    pub(crate) fn is_settled(&self) -> bool {
        let holds_nothing =
            self.open_calls == 0 && self.open_remotes == 0 && self.holds == 0 && self.open_children.is_empty();
        self.phase == Phase::Finished && holds_nothing
    }

    /// Ends the scope's own code; false if it had ended before.
    pub(super) fn finish(&mut self, now: SystemTime) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        self.phase = Phase::Finished;
        self.ended = Some(now);
        true
    }

    pub(super) fn fail(&mut self, reason: Arc<str>) {
        // What is written on a span that has ended cannot be taken back.
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

    /// The same, in the order in which they were opened.
    pub(super) fn open_in_order(&self) -> Vec<Scope> {
        let mut open = self.open_children.clone();
        open.sort_by_key(|child| (child.0.started, child.0.id));
        open
    }

    /// What it holds itself, and what is open in it.
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

    /// What it was when it closed.
    pub(super) fn closed_record(&self) -> Option<Arc<ScopeRecord>> {
        self.closed.clone()
    }

    /// Has the observer told when the scope closes. Hands it back where the scope has closed, and else the one that it
    /// replaces, to be dropped without the lock.
    pub(super) fn observe(&mut self, observer: Observer) -> Result<Option<Observer>, Observer> {
        if self.is_closed() {
            return Err(observer);
        }
        Ok(self.observer.replace(observer))
    }

    /// Takes a child in; false where the scope has closed meanwhile.
    pub(super) fn adopt(&mut self, child: Scope) -> bool {
        if self.is_shut() {
            return false;
        }
        child.0.place.store(self.open_children.len(), Ordering::Relaxed);
        self.open_children.push(child);
        true
    }

    /// Takes a call in; false where the scope is shut.
    pub(crate) fn open_call(&mut self) -> bool {
        self.open_calls += 1;
        !self.is_shut()
    }

    /// Counts a settled call. False where the scope has closed, and the call came late.
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

    /// Waits for code that runs elsewhere; false where the scope is shut.
    pub(super) fn hold(&mut self) -> bool {
        self.holds += 1;
        !self.is_shut()
    }

    pub(super) fn release(&mut self) {
        self.holds = self.holds.saturating_sub(1);
    }

    /// Whether it waits for other processes itself.
    pub(super) const fn waits_for_receipts(&self) -> bool {
        self.open_remotes > 0
    }

    /// Whether its own code has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Forgets an open call that never was: nothing was sent, and nothing is to be counted.
    pub(crate) fn drop_call(&mut self) {
        self.open_calls = self.open_calls.saturating_sub(1);
    }

    /// Takes work of another process in; false where the scope is shut.
    pub(crate) fn open_remote(&mut self) -> bool {
        self.open_remotes += 1;
        !self.is_shut()
    }

    /// Forgets open work of another process that never was: nothing was sent.
    pub(crate) fn drop_remote(&mut self) {
        self.open_remotes = self.open_remotes.saturating_sub(1);
    }

    /// Gives the receipt of open work up.
    pub(crate) fn lose_remote(&mut self, was: Waited, lost: RemoteRecord, keep: bool) {
        if was == Waited::Open {
            self.drop_remote();
        }
        if !self.is_closed() {
            self.settled.lost_receipts += 1;
            self.keep(Record::Remote(Box::new(lost)), keep);
        }
    }

    /// Counts work of another process. False where the scope has closed, and the receipt came late.
    pub(crate) fn settle_remote(&mut self, was: Waited, remote: RemoteRecord, kind: &CostKind, keep: bool) -> bool {
        match was {
            Waited::Open => self.drop_remote(),
            Waited::Lost if !self.is_closed() => self.find_lost(&remote),
            Waited::Lost | Waited::Settled => {}
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

    /// What was lost has been found.
    fn find_lost(&mut self, found: &RemoteRecord) {
        self.settled.lost_receipts = self.settled.lost_receipts.saturating_sub(1);
        let is_it = |record: &Record| match record {
            Record::Remote(lost) => lost.totals.is_none() && lost.name == found.name && lost.started == found.started,
            _ => false,
        };
        if let Some(place) = self.records.iter().position(is_it) {
            self.records.remove(place);
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

    /// Closes the scope. The caller has seen to it that no child is open. What it kept goes with it, into the report.
    pub(super) fn close(&mut self, scope: &Scope) -> (Arc<ScopeRecord>, Option<Observer>) {
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

    /// Takes over what a child that closes cost.
    pub(super) fn fold(&mut self, child: &Scope, record: Arc<ScopeRecord>, keep: bool) {
        self.disown(child);
        if self.is_closed() {
            return;
        }
        self.settled.add(&record.totals, record.failure.is_some());
        self.keep(Record::Scope(record), keep);
    }

    fn disown(&mut self, child: &Scope) {
        let place = child.0.place.load(Ordering::Relaxed);
        if self.open_children.get(place) == Some(child) {
            self.open_children.swap_remove(place);
            if let Some(moved) = self.open_children.get(place) {
                moved.0.place.store(place, Ordering::Relaxed);
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
