//! The receipts that scopes here wait for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{OpenRemote, ParseReceiptError, Receipt, ReceiptId, Received, RemoteId};

use super::late;
use crate::{Engine, Scope};

/// As many pieces of work are remembered; beyond it the oldest is forgotten, and counts as lost if it is waited for.
const MAX_WORK: usize = 10_000;
/// As many runs of one piece of work are counted.
const MAX_RUNS: usize = 100;

/// A receipt that cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// It is no receipt.
    #[error(transparent)]
    Parse(#[from] ParseReceiptError),
    /// It is of work that nobody here asked for by name.
    #[error("the receipt names no work that it is for")]
    NotAsked,
    /// It is of work that is not waited for here: of another process, or long forgotten.
    #[error("nobody here waits for the receipt of work {0}")]
    Unknown(RemoteId),
}

/// A receipt that has not come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingReceipt {
    /// What the work goes by.
    pub id: RemoteId,
    /// Who does it: scheme, host and port.
    pub origin: Arc<str>,
    /// The path there at which the receipt can be asked for.
    pub path: Arc<str>,
}

/// The work of other processes, by what it goes by.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Known>);

#[derive(Default)]
struct Known {
    work: HashMap<RemoteId, Work>,
    /// What was asked for in which run of a task, so that nothing of it is kept when that closes.
    of_task: HashMap<ReceiptId, HashSet<RemoteId>>,
    order: VecDeque<RemoteId>,
}

#[derive(Clone)]
struct Work {
    told: Arc<Told>,
    run: ReceiptId,
    /// `None` once its task has closed.
    open: Option<Arc<Mutex<OpenRemote>>>,
}

/// What a receipt that comes late needs of its scope, and which have come.
pub(super) struct Told {
    pub(super) name: Arc<str>,
    pub(super) attributes: Box<[KeyValue]>,
    pub(super) task: Option<SpanContext>,
    receipts: Mutex<Vec<ReceiptId>>,
    /// Where it can be asked for.
    place: Mutex<Option<(Arc<str>, Arc<str>)>>,
}

/// One piece of work, for who asked for it.
pub(super) struct Wait {
    id: RemoteId,
    told: Arc<Told>,
    open: Arc<Mutex<OpenRemote>>,
}

impl Wait {
    pub(super) const fn id(&self) -> RemoteId {
        self.id
    }

    pub(super) fn lose(&self) {
        lock(&self.open).lose();
    }

    /// Where the receipt can be asked for: as the one so far says, on the host that it came from.
    pub(super) fn set_place(&self, origin: &str, receipt: &str) {
        let path = receipt.parse::<Receipt>().ok().and_then(|receipt| receipt.at().map(Arc::from));
        *lock(&self.told.place) = path.map(|path| (origin.into(), path));
    }
}

impl Waiting {
    pub(super) fn open(&self, scope: &Scope, name: &str) -> Wait {
        let open = scope.books().open_remote(name);
        let id = open.id();
        let told = Arc::new(Told {
            name: open.name().clone(),
            attributes: scope.attributes().into(),
            task: scope.task_span(),
            receipts: Mutex::default(),
            place: Mutex::default(),
        });
        let run = open.scope().run_id();
        let open = Arc::new(Mutex::new(open));
        let forgotten = {
            let mut known = self.lock();
            known.work.insert(id, Work { told: told.clone(), run, open: Some(open.clone()) });
            known.of_task.entry(run).or_default().insert(id);
            known.order.push_back(id);
            known.forget_the_oldest()
        };
        // Beyond the lock: it counts as lost where it is waited for, and its scope may close with that.
        drop(forgotten);
        Wait { id, told, open }
    }

    /// Nothing was sent.
    pub(super) fn cancel(&self, id: RemoteId) {
        let work = self.lock().forget(id);
        if let Some(open) = work.and_then(|work| work.open) {
            lock(&open).cancel();
        }
    }

    /// A run of a task has closed: what it still waits for comes late.
    pub(crate) fn task_closed(&self, run: ReceiptId) {
        let mut known = self.lock();
        let Some(asked) = known.of_task.remove(&run) else { return };
        let open: Vec<_> = asked.iter().filter_map(|id| known.work.get_mut(id)?.open.take()).collect();
        drop(known);
        drop(open);
    }

    fn find(&self, id: RemoteId) -> Option<Work> {
        self.lock().work.get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }
}

impl Known {
    fn forget_the_oldest(&mut self) -> Option<Work> {
        if self.order.len() <= MAX_WORK {
            return None;
        }
        let oldest = self.order.pop_front()?;
        self.forget(oldest)
    }

    fn forget(&mut self, id: RemoteId) -> Option<Work> {
        let work = self.work.remove(&id)?;
        if let Some(asked) = self.of_task.get_mut(&work.run) {
            asked.remove(&id);
        }
        Some(work)
    }
}

impl Told {
    /// Whether this run's has not come before.
    fn is_new(&self, receipt: ReceiptId) -> bool {
        let mut receipts = lock(&self.receipts);
        let is_new = !receipts.contains(&receipt) && receipts.len() < MAX_RUNS;
        if is_new {
            receipts.push(receipt);
        }
        is_new
    }
}

impl Engine {
    /// Counts a receipt for the work that it names, once.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] where it is no receipt, or one that nobody here waits for.
    pub fn receive_receipt(&self, text: &str) -> Result<Received, ReceiveError> {
        self.receive(text, None)
    }

    /// The receipts that have not come, of which it is known where they can be asked for.
    pub fn pending_receipts(&self) -> Vec<PendingReceipt> {
        let known = self.inner().waiting.lock();
        let work: Vec<_> = known.work.iter().map(|(id, work)| (*id, work.clone())).collect();
        drop(known);
        let mut pending: Vec<PendingReceipt> = work
            .into_iter()
            .filter(|(_, work)| lock(&work.told.receipts).is_empty())
            .filter_map(|(id, work)| {
                let (origin, path) = lock(&work.told.place).clone()?;
                Some(PendingReceipt { id, origin, path })
            })
            .collect();
        pending.sort_unstable_by_key(|pending| pending.id);
        pending
    }

    pub(super) fn receive(&self, text: &str, of: Option<RemoteId>) -> Result<Received, ReceiveError> {
        let receipt: Receipt = text.trim().parse()?;
        let id = receipt.remote_id().ok_or(ReceiveError::NotAsked)?;
        if of.is_some_and(|expected| expected != id) {
            return Err(ReceiveError::Unknown(id));
        }
        let work = self.inner().waiting.find(id).ok_or(ReceiveError::Unknown(id))?;
        let Some(totals) = receipt.totals() else { return Ok(Received::Pending) };
        if !work.told.is_new(receipt.id()) {
            return Ok(Received::Again);
        }
        let received = match &work.open {
            Some(open) => lock(open).receive(&receipt),
            None => Received::Late,
        };
        if received == Received::Late {
            late::write(self, &work.told, totals);
        }
        Ok(received)
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waiting").field(&self.lock().work.len()).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
