//! The receipts of work that other processes asked for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use outlay_ledger::{Receipt, ReceiptId, RemoteId, Scope, WeakScope};

/// The number of pieces of work that remain after a cleanup, which runs at twice that many. The oldest work of closed
/// tasks is forgotten first.
const MAX_WORK: usize = 10_000;
/// The maximum number of runs of one piece of work that are kept. A queue may deliver a message more than once.
const MAX_RUNS: usize = 1_000;

/// Receipts, by the id of the work in the caller's ledger.
#[derive(Default)]
pub(crate) struct IssuedReceipts(Mutex<Known>);

#[derive(Default)]
struct Known {
    work: HashMap<RemoteId, Vec<Run>>,
    order: VecDeque<RemoteId>,
}

struct Run {
    id: ReceiptId,
    state: State,
}

enum State {
    Open(WeakScope),
    Closed(Box<Receipt>),
}

impl IssuedReceipts {
    /// Adds a task that has started, if another process may ask for its receipt.
    pub(crate) fn add(&self, task: &Scope) {
        let Some(remote) = task.caller().and_then(|caller| caller.remote_id()) else { return };
        let mut known = self.lock();
        let runs = known.work.entry(remote).or_default();
        let is_first = runs.is_empty();
        if runs.len() < MAX_RUNS {
            runs.push(Run { id: task.run_id(), state: State::Open(task.downgrade()) });
        }
        if is_first {
            known.order.push_back(remote);
        }
        known.clean_up();
    }

    /// Keeps the final receipt of a task that has closed.
    pub(crate) fn close(&self, task: &Scope) {
        let Some(remote) = task.caller().and_then(|caller| caller.remote_id()) else { return };
        let receipt = task.receipt();
        let mut known = self.lock();
        let runs = known.work.get_mut(&remote);
        if let Some(run) = runs.and_then(|runs| runs.iter_mut().find(|run| run.id == receipt.id())) {
            run.state = State::Closed(Box::new(receipt));
        }
    }

    /// Returns the receipts of the work with this id, one for each run of it, whether final or not.
    pub(crate) fn receipts(&self, remote: RemoteId) -> Vec<Receipt> {
        let mut open = Vec::new();
        let mut receipts = Vec::new();
        {
            let known = self.lock();
            for run in known.work.get(&remote).into_iter().flatten() {
                match &run.state {
                    State::Open(task) => open.extend(task.upgrade()),
                    State::Closed(receipt) => receipts.push((**receipt).clone()),
                }
            }
        }
        receipts.extend(open.iter().map(|task| task.receipt()));
        receipts
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn clean_up(&mut self) {
        if self.order.len() <= 2 * MAX_WORK {
            return;
        }
        let mut excess = self.order.len() - MAX_WORK;
        let work = &mut self.work;
        for all in [false, true] {
            self.order.retain(|id| {
                let is_open = |run: &Run| matches!(run.state, State::Open(_));
                let is_forgotten = excess > 0 && (all || !work.get(id).is_some_and(|runs| runs.iter().any(is_open)));
                if is_forgotten {
                    excess -= 1;
                    work.remove(id);
                }
                !is_forgotten
            });
        }
    }
}

impl fmt::Debug for IssuedReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssuedReceipts").field(&self.lock().work.len()).finish()
    }
}
