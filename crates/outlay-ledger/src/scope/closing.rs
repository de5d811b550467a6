//! How a scope ends: finished by its own code, closed when nothing in it is open any more, or when it took too long.

use std::sync::Arc;
use std::{mem, vec};

use super::{Inner, Scope};
use crate::callback::guarded;
use crate::record::ScopeRecord;
use crate::sweeper::CloseOverdue;
use crate::sync::lock;
use crate::{ScopeKind, Totals};

/// Told once, when a scope has closed and its totals are final. Called without any lock held.
pub(crate) type Observer = Box<dyn FnOnce(ClosedScope<'_>) + Send>;

/// A scope that has closed.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClosedScope<'a> {
    /// The scope.
    pub scope: &'a Scope,
    /// What it and all below it cost: final.
    pub totals: &'a Totals,
    /// Why it failed, if it did.
    pub failure: Option<&'a Arc<str>>,
}

impl Scope {
    /// Has `observer` told once, when the scope closes, or at once where it has. It replaces the observer that was there.
    pub fn on_close(&self, observer: impl FnOnce(ClosedScope<'_>) + Send + 'static) {
        let set = lock(&self.0.state).observe(Box::new(observer));
        if let Err(observer) = set {
            let (totals, failure) = (self.totals(), self.failure());
            let _ = guarded(|| observer(ClosedScope { scope: self, totals: &totals, failure: failure.as_ref() }));
        }
    }

    /// Ends the scope's own code. It closes now, or when the last thing open in it settles, or after the ledger's
    /// late limit. Finishing twice does nothing.
    pub fn finish(&self) {
        let now = self.0.task.ground.now();
        let pending = {
            let mut state = lock(&self.0.state);
            if !state.finish(now) {
                return;
            }
            !state.is_settled()
        };
        if pending {
            self.close_later();
        } else {
            self.close_if_settled();
        }
    }

    /// Has a finished scope closed once the late limit is over.
    fn close_later(&self) {
        let scope = Arc::downgrade(&self.0);
        self.0.waits_as(self.0.task.ground.sweeper.add(scope));
        if self.is_closed() {
            self.stop_waiting();
        }
    }

    /// Takes a scope that has closed out of the sweeper's queue.
    fn stop_waiting(&self) {
        if let Some(number) = self.0.takes_wait() {
            self.0.task.ground.sweeper.remove(number);
        }
    }

    /// Returns whether the scope waits for another process on behalf of a task whose own code still runs. Then it waits
    /// without limit.
    fn waits_on(&self) -> bool {
        self.waits_for_receipts() && !lock(&self.own_task().0.state).is_finished()
    }

    /// The nearest task that it is, or lies in.
    fn own_task(&self) -> Self {
        let mut scope = self;
        while let (ScopeKind::Agent | ScopeKind::Step(_), Some(parent)) = (&scope.0.kind, &scope.0.parent) {
            scope = parent;
        }
        scope.clone()
    }

    /// Closes the scope, and those around it, as far as nothing in them is open any more.
    pub(crate) fn close_if_settled(&self) {
        let mut scope = self.clone();
        while scope.close(When::Settled) {
            match &scope.0.parent {
                Some(parent) => scope = parent.clone(),
                None => return,
            }
        }
    }

    /// Closes a finished scope with all that is open in it. What settles later is late money, and so is what code that
    /// runs on opens from now on.
    fn close_now(&self) {
        let mut around: Vec<(Self, vec::IntoIter<Self>)> = Vec::new();
        let Some(mut open) = self.shut() else { return };
        let mut scope = self.clone();
        loop {
            if let Some(child) = open.next() {
                let now = child.0.task.ground.now();
                lock(&child.0.state).finish(now);
                if let Some(below) = child.shut() {
                    around.push((mem::replace(&mut scope, child), mem::replace(&mut open, below)));
                }
                continue;
            }
            let has_closed = scope.close(When::Now);
            match around.pop() {
                Some(outer) => (scope, open) = outer,
                None => {
                    if let Some(parent) = self.0.parent.as_ref().filter(|_| has_closed) {
                        parent.close_if_settled();
                    }
                    return;
                }
            }
        }
    }

    /// Lets nothing new in, and hands out what is open; nothing where the scope has closed.
    fn shut(&self) -> Option<vec::IntoIter<Self>> {
        let mut state = lock(&self.0.state);
        state.shut().then(|| state.open_in_order().into_iter())
    }

    /// True if this call closed the scope.
    fn close(&self, when: When) -> bool {
        let parent = self.0.parent.as_ref().filter(|_| !self.0.late);
        let mut parent_state = parent.map(|p| lock(&p.0.state));
        let mut state = lock(&self.0.state);
        if state.is_closed() || (when == When::Settled && !state.is_settled()) {
            return false;
        }
        let (record, observer) = state.close(self);
        drop(state);
        if let Some(parent_state) = &mut parent_state {
            parent_state.fold(self, record.clone(), self.0.kept);
        }
        drop(parent_state);
        self.stop_waiting();
        let ScopeRecord { totals, failure, .. } = &*record;
        if failure.is_none() {
            self.ended_well(totals);
        }
        if self.0.kind == ScopeKind::Task {
            self.check_cost(totals);
        }
        if let Some(observer) = observer {
            let _ = guarded(|| observer(ClosedScope { scope: self, totals, failure: failure.as_ref() }));
        }
        true
    }
}

impl CloseOverdue for Inner {
    fn close_overdue(self: Arc<Self>) {
        let scope = Scope(self);
        // One that waits on is closed with its task.
        if !scope.waits_on() {
            scope.close_now();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Settled,
    Now,
}
