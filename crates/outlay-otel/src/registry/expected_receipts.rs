//! The receipts that scopes here wait for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{OpenRemote, ParseReceiptError, Receipt, ReceiptId, Received, RemoteId};

/// The number of pieces of work that remain after a cleanup, which runs at twice that many. Finished work is forgotten
/// first, then the oldest. The receipt of unfinished work then counts as lost, unless its own handle receives it.
const MAX_WORK: usize = 10_000;
/// The maximum number of distinguished runs of one piece of work.
const MAX_RUNS: usize = 10_000;

/// A receipt that cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The text is not a receipt.
    #[error(transparent)]
    Parse(#[from] ParseReceiptError),
    /// The receipt has no id of the work that it is for.
    #[error("the receipt does not name the work that it is for")]
    NotAsked,
    /// No scope here waits for the receipt of this work: another process asked for it, or it was forgotten.
    #[error("no scope of this process waits for the receipt of work {0}")]
    Unknown(RemoteId),
}

/// A receipt that has not come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingReceipt {
    /// The id of the work.
    pub id: RemoteId,
    /// The worker's scheme, host and port: `https://worker.internal:8443`, or `//worker.internal:8443` if the request
    /// had no scheme.
    pub origin: Arc<str>,
    /// The path of the receipt at this origin.
    pub path: Arc<str>,
}

/// The remote work, by id.
#[derive(Default)]
pub(crate) struct ExpectedReceipts(Mutex<Known>);

#[derive(Default)]
struct Known {
    work: HashMap<RemoteId, Work>,
    /// The work that each run of a task asked for, to release it when the task closes.
    of_task: HashMap<ReceiptId, HashSet<RemoteId>>,
    order: VecDeque<RemoteId>,
}

#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) expected: Arc<Expected>,
    run: ReceiptId,
    /// `None` once its task has closed.
    pub(crate) open: Option<Arc<OpenRemote>>,
}

/// What a late receipt needs of its scope, and which receipts have come.
pub(crate) struct Expected {
    pub(crate) name: Arc<str>,
    pub(crate) attributes: Box<[KeyValue]>,
    pub(crate) task: Option<SpanContext>,
    /// The receipts that have come.
    received: Mutex<HashSet<ReceiptId>>,
    /// The origin and path where the receipt can be fetched.
    location: Mutex<Option<(Arc<str>, Arc<str>)>>,
}

/// A handle to one piece of work, for the scope that asked for it.
pub(crate) struct WorkHandle {
    id: RemoteId,
    pub(crate) expected: Arc<Expected>,
    pub(crate) open: Arc<OpenRemote>,
}

impl WorkHandle {
    pub(crate) const fn id(&self) -> RemoteId {
        self.id
    }

    pub(crate) fn lose(&self) {
        self.open.lose();
    }

    /// Sets where the receipt can be fetched: at the path in the preliminary receipt, on the host that it came from.
    /// The path must end with the id of this work.
    pub(crate) fn set_location(&self, origin: &str, receipt: &str) {
        let path = receipt.parse::<Receipt>().ok().and_then(|receipt| receipt.at().map(Arc::<str>::from));
        let path = path.filter(|path| path.ends_with(&format!("/{}", self.id)));
        *lock(&self.expected.location) = path.map(|path| (origin.into(), path));
    }
}

impl ExpectedReceipts {
    /// Adds remote work whose receipt is expected. The attributes are those of the scope that asked for it, and `task`
    /// is the span of its outermost task.
    pub(crate) fn add(&self, open: OpenRemote, attributes: &[KeyValue], task: Option<SpanContext>) -> WorkHandle {
        let open = Arc::new(open);
        let (id, run) = (open.id(), open.scope().run_id());
        let expected = Arc::new(Expected {
            name: open.name().clone(),
            attributes: attributes.into(),
            task,
            received: Mutex::default(),
            location: Mutex::default(),
        });
        let forgotten = {
            let mut known = self.lock();
            let before = known.work.insert(id, Work { expected: expected.clone(), run, open: Some(open.clone()) });
            known.of_task.entry(run).or_default().insert(id);
            known.order.push_back(id);
            (before, known.clean_up())
        };
        // Dropped without the lock: its receipt counts as lost then, and its scope may close.
        drop(forgotten);
        // If the task has already closed, nothing else will report that.
        if open.scope().is_late() {
            self.task_closed(run);
        }
        WorkHandle { id, expected, open }
    }

    /// Forgets work that was never sent.
    pub(crate) fn cancel(&self, handle: &WorkHandle) {
        drop(self.lock().forget(handle.id));
        handle.open.cancel();
    }

    /// Handles the end of a run of a task: receipts that it still waits for will be late.
    pub(crate) fn task_closed(&self, run: ReceiptId) {
        let mut known = self.lock();
        let Some(ids) = known.of_task.remove(&run) else { return };
        let open: Vec<_> = ids.iter().filter_map(|id| known.work.get_mut(id)?.open.take()).collect();
        drop(known);
        drop(open);
    }

    pub(crate) fn find(&self, id: RemoteId) -> Option<Work> {
        self.lock().work.get(&id).cloned()
    }

    /// Returns the receipts that have not come and can be fetched from a known place.
    pub(crate) fn pending(&self) -> Vec<PendingReceipt> {
        let work: Vec<_> = self.lock().work.iter().map(|(id, work)| (*id, work.clone())).collect();
        let mut pending: Vec<PendingReceipt> = work
            .into_iter()
            .filter(|(_, work)| !work.is_over())
            .filter_map(|(id, work)| {
                let (origin, path) = lock(&work.expected.location).clone()?;
                Some(PendingReceipt { id, origin, path })
            })
            .collect();
        pending.sort_unstable_by_key(|pending| pending.id);
        pending
    }

    /// Marks a receipt as lost. It is not fetched again.
    pub(crate) fn lose(&self, id: RemoteId) {
        if let Some(work) = self.find(id) {
            *lock(&work.expected.location) = None;
            if let Some(open) = work.open {
                open.lose();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }
}

impl Known {
    fn clean_up(&mut self) -> Vec<Work> {
        if self.order.len() <= 2 * MAX_WORK {
            return Vec::new();
        }
        let mut order = std::mem::take(&mut self.order);
        let mut forgotten = Vec::new();
        let mut excess = order.len() - MAX_WORK;
        let mut forget = |known: &mut Self, order: &mut VecDeque<RemoteId>, all: bool| {
            order.retain(|id| {
                let is_over = known.work.get(id).is_none_or(|work| work.is_over());
                let is_forgotten = excess > 0 && (all || is_over);
                if is_forgotten {
                    excess -= 1;
                    forgotten.extend(known.forget(*id));
                }
                !is_forgotten
            });
        };
        forget(self, &mut order, false);
        forget(self, &mut order, true);
        self.order = order;
        forgotten
    }

    fn forget(&mut self, id: RemoteId) -> Option<Work> {
        let work = self.work.remove(&id)?;
        if let Some(ids) = self.of_task.get_mut(&work.run) {
            ids.remove(&id);
            if ids.is_empty() {
                self.of_task.remove(&work.run);
            }
        }
        Some(work)
    }
}

impl Work {
    /// Returns whether no scope waits for the work any more.
    fn is_over(&self) -> bool {
        !self.open.as_ref().is_some_and(|open| open.is_open())
    }
}

impl Expected {
    /// Records the receipt of a run. Returns an error if it has come before, or if there are too many runs to distinguish.
    pub(crate) fn mark_received(&self, receipt: ReceiptId) -> Result<(), Received> {
        let mut received = lock(&self.received);
        match received.contains(&receipt) {
            true => Err(Received::Again),
            false if received.len() >= MAX_RUNS => Err(Received::TooMany),
            false => {
                received.insert(receipt);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for ExpectedReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExpectedReceipts").field(&self.lock().work.len()).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
