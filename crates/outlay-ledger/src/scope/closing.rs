//! The end of a scope. It is finished by its own code, and closes when nothing in it is open or after the late limit.

use std::sync::Arc;
use std::{mem, vec};

use super::{Inner, Scope};
use crate::callback::guarded;
use crate::record::ScopeRecord;
use crate::sweeper::CloseOverdue;
use crate::sync::lock;
use crate::{ScopeKind, Totals};

/// A function that is called once, when a scope has closed and its totals are final. No lock is held during the call.
pub(crate) type CloseObserver = Box<dyn FnOnce(ClosedScope<'_>) + Send>;

/// A scope that has closed.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClosedScope<'a> {
    /// The scope.
    pub scope: &'a Scope,
    /// The final totals of the scope and all scopes below it.
    pub totals: &'a Totals,
    /// The reason of its failure, if it failed.
    pub failure: Option<&'a Arc<str>>,
}

impl Scope {
    /// Sets a function to call once when the scope closes, or immediately if it has closed. It replaces an earlier one.
    pub fn on_close(&self, observer: impl FnOnce(ClosedScope<'_>) + Send + 'static) {
        let set = lock(&self.0.state).observe(Box::new(observer));
        if let Err(observer) = set {
            let (totals, failure) = (self.totals(), self.failure());
            let _ = guarded(|| observer(ClosedScope { scope: self, totals: &totals, failure: failure.as_ref() }));
        }
    }

    /// Finishes the scope: its own code has ended. It closes now, when the last open work in it settles, or after the
    /// ledger's late limit. A second call does nothing.
    pub fn finish(&self) {
        let now = self.0.task.ledger.now();
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

    /// Schedules a finished scope to be closed after the late limit.
    fn close_later(&self) {
        let scope = Arc::downgrade(&self.0);
        self.0.set_waiting(self.0.task.ledger.sweeper.add(scope));
        if self.is_closed() {
            self.stop_waiting();
        }
    }

    /// Removes a closed scope from the sweeper's queue.
    fn stop_waiting(&self) {
        if let Some(number) = self.0.take_waiting() {
            self.0.task.ledger.sweeper.remove(number);
        }
    }

    /// Returns whether the scope waits for remote work while the code of its task still runs. Such a scope waits without
    /// limit.
    fn waits_without_limit(&self) -> bool {
        self.waits_for_receipts() && !lock(&self.own_task().0.state).is_finished()
    }

    /// Returns the innermost task that the scope is or lies in.
    fn own_task(&self) -> Self {
        let mut scope = self;
        while let (ScopeKind::Agent | ScopeKind::Step(_), Some(parent)) = (&scope.0.kind, &scope.0.parent) {
            scope = parent;
        }
        scope.clone()
    }

    /// Closes the scope and its ancestors, up to the first that still has open work.
    pub(crate) fn close_if_settled(&self) {
        let mut scope = self.clone();
        while scope.close(CloseIf::Settled) {
            match &scope.0.parent {
                Some(parent) => scope = parent.clone(),
                None => return,
            }
        }
    }

    /// Closes a finished scope with all open work in it. Work that settles or opens after this counts as late.
    fn close_now(&self) {
        let mut ancestors: Vec<(Self, vec::IntoIter<Self>)> = Vec::new();
        let Some(mut open) = self.shut() else { return };
        let mut scope = self.clone();
        loop {
            if let Some(child) = open.next() {
                let now = child.0.task.ledger.now();
                lock(&child.0.state).finish(now);
                if let Some(below) = child.shut() {
                    ancestors.push((mem::replace(&mut scope, child), mem::replace(&mut open, below)));
                }
                continue;
            }
            let has_closed = scope.close(CloseIf::Always);
            match ancestors.pop() {
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

    /// Shuts the scope for new work. Returns its open children, or `None` if it has closed.
    fn shut(&self) -> Option<vec::IntoIter<Self>> {
        let mut state = lock(&self.0.state);
        state.shut().then(|| state.open_in_order().into_iter())
    }

    /// Closes the scope. Returns whether this call closed it.
    fn close(&self, condition: CloseIf) -> bool {
        let parent = self.0.parent.as_ref().filter(|_| !self.0.late);
        let mut parent_state = parent.map(|p| lock(&p.0.state));
        let mut state = lock(&self.0.state);
        if state.is_closed() || (condition == CloseIf::Settled && !state.is_settled()) {
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
            self.count_progress(totals);
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
        // A scope that waits without limit is closed with its task.
        if !scope.waits_without_limit() {
            scope.close_now();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CloseIf {
    Settled,
    Always,
}
