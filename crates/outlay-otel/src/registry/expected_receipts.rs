//! The receipts of other processes that scopes here wait for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{OpenRemote, ParseReceiptError, Receipt, ReceiptId, Received, RemoteId};

/// As many pieces of work are remembered, and at most twice as many for a moment. What is done goes first; of what is waited
/// for the oldest, which then counts as lost unless its own handle has the receipt.
const MAX_WORK: usize = 10_000;
/// As many runs of one piece of work are told apart.
const MAX_RUNS: usize = 10_000;

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
    /// The worker's scheme, host and port: `https://worker.internal:8443`, or `//worker.internal:8443` if the request had no
    /// scheme.
    pub origin: Arc<str>,
    /// The path there at which the receipt can be asked for.
    pub path: Arc<str>,
}

/// The work of other processes, by what it goes by.
#[derive(Default)]
pub(crate) struct ExpectedReceipts(Mutex<Known>);

#[derive(Default)]
struct Known {
    work: HashMap<RemoteId, Work>,
    /// What was asked for in which run of a task, so that nothing of it is kept when that closes.
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

/// What a receipt that comes late needs of its scope, and which have come.
pub(crate) struct Expected {
    pub(crate) name: Arc<str>,
    pub(crate) attributes: Box<[KeyValue]>,
    pub(crate) task: Option<SpanContext>,
    /// Those that have come.
    receipts: Mutex<HashSet<ReceiptId>>,
    /// Where it can be asked for.
    place: Mutex<Option<(Arc<str>, Arc<str>)>>,
}

/// One piece of work, for who asked for it.
pub(crate) struct Wait {
    id: RemoteId,
    pub(crate) expected: Arc<Expected>,
    pub(crate) open: Arc<OpenRemote>,
}

impl Wait {
    pub(crate) const fn id(&self) -> RemoteId {
        self.id
    }

    pub(crate) fn lose(&self) {
        self.open.lose();
    }

    /// Where the receipt can be asked for: as the one so far says, on the host that it came from. Nothing but this work is
    /// asked for there.
    pub(crate) fn set_place(&self, origin: &str, receipt: &str) {
        let path = receipt.parse::<Receipt>().ok().and_then(|receipt| receipt.at().map(Arc::<str>::from));
        let path = path.filter(|path| path.ends_with(&format!("/{}", self.id)));
        *lock(&self.expected.place) = path.map(|path| (origin.into(), path));
    }
}

impl ExpectedReceipts {
    /// Waits for the receipt of work that was asked of another process. The attributes are those of the scope that asked, and
    /// `task` is the span of its outermost task.
    pub(crate) fn add(&self, open: OpenRemote, attributes: &[KeyValue], task: Option<SpanContext>) -> Wait {
        let open = Arc::new(open);
        let (id, run) = (open.id(), open.scope().run_id());
        let expected = Arc::new(Expected {
            name: open.name().clone(),
            attributes: attributes.into(),
            task,
            receipts: Mutex::default(),
            place: Mutex::default(),
        });
        let forgotten = {
            let mut known = self.lock();
            let before = known.work.insert(id, Work { expected: expected.clone(), run, open: Some(open.clone()) });
            known.of_task.entry(run).or_default().insert(id);
            known.order.push_back(id);
            (before, known.forget_some())
        };
        // Beyond the lock: it counts as lost where it is waited for, and its scope may close with that.
        drop(forgotten);
        // Where the task has closed meanwhile, or before, nobody says so any more.
        if open.scope().is_late() {
            self.task_closed(run);
        }
        Wait { id, expected, open }
    }

    /// Nothing was sent.
    pub(crate) fn cancel(&self, wait: &Wait) {
        drop(self.lock().forget(wait.id));
        wait.open.cancel();
    }

    /// A run of a task has closed: what it still waits for comes late.
    pub(crate) fn task_closed(&self, run: ReceiptId) {
        let mut known = self.lock();
        let Some(asked) = known.of_task.remove(&run) else { return };
        let open: Vec<_> = asked.iter().filter_map(|id| known.work.get_mut(id)?.open.take()).collect();
        drop(known);
        drop(open);
    }

    pub(crate) fn find(&self, id: RemoteId) -> Option<Work> {
        self.lock().work.get(&id).cloned()
    }

    /// Returns the receipts that have not come, if it is known where to ask for them.
    pub(crate) fn pending(&self) -> Vec<PendingReceipt> {
        let work: Vec<_> = self.lock().work.iter().map(|(id, work)| (*id, work.clone())).collect();
        let mut pending: Vec<PendingReceipt> = work
            .into_iter()
            .filter(|(_, work)| !work.is_over())
            .filter_map(|(id, work)| {
                let (origin, path) = lock(&work.expected.place).clone()?;
                Some(PendingReceipt { id, origin, path })
            })
            .collect();
        pending.sort_unstable_by_key(|pending| pending.id);
        pending
    }

    /// Gives a receipt up: it counts as lost, and is not asked for again.
    pub(crate) fn lose(&self, id: RemoteId) {
        if let Some(work) = self.find(id) {
            *lock(&work.expected.place) = None;
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
    fn forget_some(&mut self) -> Vec<Work> {
        if self.order.len() <= 2 * MAX_WORK {
            return Vec::new();
        }
        let mut order = std::mem::take(&mut self.order);
        let mut forgotten = Vec::new();
        let mut excess = order.len() - MAX_WORK;
        let mut forget = |known: &mut Self, order: &mut VecDeque<RemoteId>, all: bool| {
            order.retain(|id| {
                let is_over = known.work.get(id).is_none_or(|work| work.is_over());
                let goes = excess > 0 && (all || is_over);
                if goes {
                    excess -= 1;
                    forgotten.extend(known.forget(*id));
                }
                !goes
            });
        };
        forget(self, &mut order, false);
        forget(self, &mut order, true);
        self.order = order;
        forgotten
    }

    fn forget(&mut self, id: RemoteId) -> Option<Work> {
        let work = self.work.remove(&id)?;
        if let Some(asked) = self.of_task.get_mut(&work.run) {
            asked.remove(&id);
            if asked.is_empty() {
                self.of_task.remove(&work.run);
            }
        }
        Some(work)
    }
}

impl Work {
    /// Whether nobody waits for it any more.
    fn is_over(&self) -> bool {
        !self.open.as_ref().is_some_and(|open| open.is_open())
    }
}

impl Expected {
    /// Whether this run's is the first, and whether it can be told apart from others.
    pub(crate) fn take(&self, receipt: ReceiptId) -> Result<(), Received> {
        let mut receipts = lock(&self.receipts);
        match receipts.contains(&receipt) {
            true => Err(Received::Again),
            false if receipts.len() >= MAX_RUNS => Err(Received::TooMany),
            false => {
                receipts.insert(receipt);
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
