//! Remote work: work that another process does for a scope here. Its cost comes back in receipts.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::alert::Alerts;
use crate::money::Spent;
use crate::record::RemoteRecord;
use crate::scope::ReceiptWait;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::task::scope_name;
use crate::{Receipt, ReceiptId, RemoteId, Scope};

/// The maximum number of runs whose receipts are counted. A queue may deliver a message more than once, and each run has
/// a cost. Further receipts together count as one lost receipt.
const MAX_RUNS: usize = 10_000;

/// Remote work that is under way. The scope waits for the receipt, up to its late limit.
///
/// If it is dropped while it is open, its receipt counts as lost.
pub struct OpenRemote {
    id: RemoteId,
    name: Arc<str>,
    scope: Scope,
    started: SystemTime,
    /// Locked before the scope's state, and never while observers are called.
    progress: Mutex<Progress>,
}

struct Progress {
    wait: ReceiptWait,
    /// The runs whose receipts have been counted.
    runs: HashSet<ReceiptId>,
    /// The known runs whose final receipts have not arrived.
    under_way: HashSet<ReceiptId>,
    is_full: bool,
}

/// The result of receiving a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// It was added to the totals of the scope that asked for the work.
    Joined,
    /// It is not in those totals, because the scope had closed before.
    Late,
    /// It was counted before; this is a repeated delivery.
    Again,
    /// It is not counted, because 10,000 runs of the same work have been. The totals are marked as incomplete.
    TooMany,
    /// It is not final. The scope waits for the final one.
    Pending,
}

impl Scope {
    /// Opens remote work in this scope, or in the nearest open scope around it, which then waits for the receipt. The
    /// name is shown in the report; it is cut to 64 characters.
    pub fn open_remote(&self, name: &str) -> OpenRemote {
        let ledger = &self.0.task.ledger;
        let scope = self.open_remote_in_ancestor();
        OpenRemote {
            id: RemoteId::new(ledger.ids.next_id()),
            name: scope_name(name),
            started: ledger.now(),
            scope,
            progress: Mutex::new(Progress {
                wait: ReceiptWait::Open,
                runs: HashSet::new(),
                under_way: HashSet::new(),
                is_full: false,
            }),
        }
    }
}

impl OpenRemote {
    /// Returns the id of the work, here and in the other process.
    pub const fn id(&self) -> RemoteId {
        self.id
    }

    /// Returns the scope that the work is counted in.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the name in the report.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns whether the scope waits for a receipt.
    pub fn is_open(&self) -> bool {
        lock(&self.progress).wait == ReceiptWait::Open
    }

    /// Counts a receipt once. Each run of the work has its own receipt, and all of them count.
    ///
    /// The budgets of the task and of its agents and steps count the cost. Budgets of rules count only what their own
    /// process spends, so the other process counts it there.
    pub fn receive(&self, receipt: &Receipt) -> Received {
        let Some(totals) = receipt.totals() else {
            return self.record_run(receipt.id());
        };
        // Before the lock, because a clock is the application's code.
        let now = self.scope.0.task.ledger.now();
        let mut progress = lock(&self.progress);
        if progress.runs.contains(&receipt.id()) {
            return Received::Again;
        }
        if progress.runs.len() >= MAX_RUNS {
            if !std::mem::replace(&mut progress.is_full, true) {
                self.count_lost(progress, ReceiptWait::Settled, now);
            }
            return Received::TooMany;
        }
        progress.runs.insert(receipt.id());
        progress.under_way.remove(&receipt.id());
        let was = match progress.wait {
            // Another run is still under way.
            ReceiptWait::Open if !progress.under_way.is_empty() => ReceiptWait::Settled,
            wait => {
                progress.wait = ReceiptWait::Settled;
                wait
            }
        };

        let scope = &self.scope.0;
        let (cost, calls) = (totals.known(), totals.calls());
        let spent = Spent { usd: cost, tokens: totals.usage().total_tokens(), calls, turns: totals.turns() };
        let keep = scope.keep_record();
        let mut alerts = Alerts::default();
        let (in_time, settled, late) = {
            let mut state = lock(scope.state());
            let in_time = state.settle_remote(was, self.record(Some(totals.clone()), now), scope.cost_kind(), keep);
            let late = !in_time || scope.late();
            // Under the lock, so that a receipt that is in the totals is in the budgets too.
            if !late {
                scope.task.spend(cost, calls);
            }
            scope.spend_remote(&spent, now, &mut alerts);
            (in_time, state.is_settled(), late)
        };
        drop(progress);
        alerts.send(&self.scope);
        if settled && in_time {
            self.scope.close_if_settled();
        }
        if late { Received::Late } else { Received::Joined }
    }

    /// Records a run whose receipt is not final. The scope waits for it, even if another run has settled.
    fn record_run(&self, run: ReceiptId) -> Received {
        let mut progress = lock(&self.progress);
        if progress.runs.contains(&run) {
            return Received::Again;
        }
        let is_new = progress.runs.len() + progress.under_way.len() < MAX_RUNS && progress.under_way.insert(run);
        if is_new && progress.wait == ReceiptWait::Settled {
            let mut state = lock(self.scope.0.state());
            if state.open_remote() {
                progress.wait = ReceiptWait::Open;
            } else {
                state.drop_remote();
            }
        }
        Received::Pending
    }

    /// Gives up the receipt, so that the cost of the work is unknown. If it still arrives, it is counted.
    pub fn lose(&self) {
        let now = self.scope.0.task.ledger.now();
        let mut progress = lock(&self.progress);
        if progress.wait == ReceiptWait::Open {
            progress.wait = ReceiptWait::Lost;
            self.count_lost(progress, ReceiptWait::Open, now);
        }
    }

    /// Cancels the work. Call it only if nothing was sent, since no cost is counted.
    pub fn cancel(&self) {
        let mut progress = lock(&self.progress);
        if progress.wait == ReceiptWait::Open {
            progress.wait = ReceiptWait::Settled;
            lock(self.scope.0.state()).drop_remote();
            drop(progress);
            self.scope.close_if_settled();
        }
    }

    /// Counts the receipt as lost. `progress` stays locked until the scope is updated, so that a receipt that arrives now
    /// finds both changed or neither.
    fn count_lost(&self, progress: MutexGuard<'_, Progress>, was: ReceiptWait, now: SystemTime) {
        let keep = self.scope.0.keep_record();
        let lost = self.record(None, now);
        lock(self.scope.0.state()).lose_remote(was, lost, keep);
        drop(progress);
        self.scope.close_if_settled();
    }

    fn record(&self, totals: Option<crate::Totals>, ended: SystemTime) -> RemoteRecord {
        RemoteRecord { name: self.name.clone(), totals, started: self.started, ended }
    }
}

impl Drop for OpenRemote {
    fn drop(&mut self) {
        self.lose();
    }
}

impl fmt::Debug for OpenRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenRemote")
            .field("id", &self.id)
            .field("wait", &lock(&self.progress).wait)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod remote_tests;
