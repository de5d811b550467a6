use std::sync::Arc;
use std::time::SystemTime;

use super::Scope;
use crate::record::{CallRecord, ChargeRecord, Elided, Record, RemoteRecord, ScopeRecord};
use crate::remote::Waited;
use crate::sync::lock;
use crate::{CostKind, Totals};

use super::close::Observer;

/// What a scope holds, under its lock. Locks are taken from the parent to the child, never the other way.
#[derive(Default)]
pub(crate) struct State {
    phase: Phase,
    open_calls: u64,
    open_remotes: u64,
    /// Code that runs elsewhere and may yet call.
    holds: u64,
    open_children: Vec<Scope>,
    /// The scope's own charges and those of the children that have closed.
    settled: Totals,
    failure: Option<Arc<str>>,
    records: Vec<Record>,
    elided: Elided,
    ended: Option<SystemTime>,
    observer: Option<Observer>,
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

impl State {
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

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(super) fn elided(&self) -> Elided {
        self.elided
    }

    pub(super) fn open_children(&self) -> &[Scope] {
        &self.open_children
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
        self.keep(Record::Call(Box::new(call)), keep);
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

    /// Whether it waits for other processes, or what is open in it does.
    pub(super) fn waits_for_receipts(&self) -> bool {
        self.open_remotes > 0 || self.open_children.iter().any(|child| lock(&child.0.state).waits_for_receipts())
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

    /// The totals of the scope and all below it, while any of it may be open.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.settled.clone();
        if !self.is_closed() {
            totals.pending_calls += self.open_calls;
            totals.pending_receipts += self.open_remotes;
            for child in &self.open_children {
                let child = lock(&child.0.state);
                totals.add(&child.totals(), child.failure.is_some());
            }
        }
        if self.failure.is_some() {
            totals.mark_failed();
        }
        totals
    }

    /// Closes the scope and hands out its totals and what it kept. The caller has seen to it that no child is open.
    pub(super) fn close(&mut self) -> (Totals, Option<Observer>) {
        self.phase = Phase::Closed;
        self.settled.abandon_pending(self.open_calls, self.open_remotes);
        if self.failure.is_some() {
            self.settled.mark_failed();
        }
        (self.settled.clone(), self.observer.take())
    }

    /// What the scope kept, for its parent's report.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Takes over what a child that closes cost.
    pub(super) fn fold(&mut self, child: &Scope, totals: &Totals, record: ScopeRecord, keep: bool) {
        self.open_children.retain(|c| c != child);
        if self.is_closed() {
            return;
        }
        self.settled.add(totals, record.failure.is_some());
        self.keep(Record::Scope(Box::new(record)), keep);
    }

    fn keep(&mut self, record: Record, keep: bool) {
        if keep {
            self.records.push(record);
        } else {
            self.elided.add(record.cost());
        }
    }
}
