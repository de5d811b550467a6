//! Work that another process does for a scope here, and the receipt that its cost comes back in.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::alert::Alerts;
use crate::money::Spent;
use crate::record::RemoteRecord;
use crate::scope::Waited;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::task::scope_name;
use crate::{Receipt, ReceiptId, RemoteId, Scope};

/// The receipts of as many runs are counted: a queue may deliver a message more than once, and each run has spent. One
/// more counts as lost.
const MAX_RUNS: usize = 10_000;

/// Work that another process does for a scope here. The scope waits for the receipt, up to its late limit.
///
/// Dropped while it is open, its receipt counts as lost.
pub struct OpenRemote {
    id: RemoteId,
    name: Arc<str>,
    scope: Scope,
    started: SystemTime,
    /// Taken before the scope's state, and never held while anybody is told of anything.
    progress: Mutex<Progress>,
}

struct Progress {
    waited: Waited,
    /// Whose receipts have been counted.
    runs: HashSet<ReceiptId>,
    /// Runs that are known of, and whose final receipts have not come.
    under_way: HashSet<ReceiptId>,
    is_full: bool,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// It is part of the sum of the scope that asked for the work.
    Joined,
    /// It is outside that sum, for the scope had closed before.
    Late,
    /// It had been counted before: a repeated delivery.
    Again,
    /// It is not counted, for 10,000 runs of the same work have been: the sum is marked as not all.
    TooMany,
    /// It is not final; the final one is waited for.
    Pending,
}

impl Scope {
    /// Asks another process for work on behalf of this scope, or of the nearest open one around it, which waits for the
    /// receipt. The name is what the work goes by in the report; it is cut to 64 characters.
    pub fn open_remote(&self, name: &str) -> OpenRemote {
        let ground = &self.0.task.ground;
        let scope = self.take_in_remote();
        OpenRemote {
            id: RemoteId::new(ground.ids.next_id()),
            name: scope_name(name),
            started: ground.now(),
            scope,
            progress: Mutex::new(Progress {
                waited: Waited::Open,
                runs: HashSet::new(),
                under_way: HashSet::new(),
                is_full: false,
            }),
        }
    }
}

impl OpenRemote {
    /// What the work goes by, here and in the other process.
    pub const fn id(&self) -> RemoteId {
        self.id
    }

    /// The scope that the work is counted in.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The name that it goes by in the report.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether a receipt is waited for.
    pub fn is_open(&self) -> bool {
        lock(&self.progress).waited == Waited::Open
    }

    /// Counts what the receipt says, once. Each run of the work has a receipt of its own, and counts.
    ///
    /// The task's own budgets count it, and those of its agents and steps. Budgets of rules count what each process spends
    /// itself, and so does the other one.
    pub fn receive(&self, receipt: &Receipt) -> Received {
        let Some(totals) = receipt.totals() else {
            return self.run_is_under_way(receipt.id());
        };
        let mut progress = lock(&self.progress);
        if progress.runs.contains(&receipt.id()) {
            return Received::Again;
        }
        if progress.runs.len() >= MAX_RUNS {
            if !std::mem::replace(&mut progress.is_full, true) {
                self.count_lost(progress, Waited::Settled);
            }
            return Received::TooMany;
        }
        progress.runs.insert(receipt.id());
        progress.under_way.remove(&receipt.id());
        let was = match progress.waited {
            // Another run is still at it.
            Waited::Open if !progress.under_way.is_empty() => Waited::Settled,
            waited => {
                progress.waited = Waited::Settled;
                waited
            }
        };

        let scope = &self.scope.0;
        let (cost, calls, now) = (totals.known(), totals.calls(), scope.task.ground.now());
        let spent = Spent { usd: cost, tokens: totals.usage().total_tokens(), calls, turns: totals.turns() };
        let keep = scope.keep_record();
        let mut alerts = Alerts::default();
        let (in_time, settled, late) = {
            let mut state = lock(scope.state());
            let in_time = state.settle_remote(was, self.record(Some(totals.clone()), now), scope.cost_kind(), keep);
            let late = !in_time || scope.late();
            // Before the lock goes: who sees the receipt in the totals sees it in the budget too.
            if !late {
                scope.task.spend(cost, calls);
            }
            scope.spend_elsewhere(&spent, &mut alerts);
            (in_time, state.is_settled(), late)
        };
        drop(progress);
        alerts.send(&self.scope);
        if settled && in_time {
            self.scope.close_if_settled();
        }
        if late { Received::Late } else { Received::Joined }
    }

    /// It is not final, and its run is waited for, also where another one has had its say.
    fn run_is_under_way(&self, run: ReceiptId) -> Received {
        let mut progress = lock(&self.progress);
        if progress.runs.contains(&run) {
            return Received::Again;
        }
        let is_new = progress.runs.len() + progress.under_way.len() < MAX_RUNS && progress.under_way.insert(run);
        if is_new && progress.waited == Waited::Settled {
            let mut state = lock(self.scope.0.state());
            if state.open_remote() {
                progress.waited = Waited::Open;
            } else {
                state.drop_remote();
            }
        }
        Received::Pending
    }

    /// Gives the receipt up: what the work cost is not known. Should it come all the same, it still counts.
    pub fn lose(&self) {
        let mut progress = lock(&self.progress);
        if progress.waited == Waited::Open {
            progress.waited = Waited::Lost;
            self.count_lost(progress, Waited::Open);
        }
    }

    /// Nothing was sent, and nothing spent.
    pub fn cancel(&self) {
        let mut progress = lock(&self.progress);
        if progress.waited == Waited::Open {
            progress.waited = Waited::Settled;
            lock(self.scope.0.state()).drop_remote();
            drop(progress);
            self.scope.close_if_settled();
        }
    }

    /// How far the wait has come is held on to until the scope knows it too: a receipt that comes now finds both or neither.
    fn count_lost(&self, progress: MutexGuard<'_, Progress>, was: Waited) {
        let keep = self.scope.0.keep_record();
        let lost = self.record(None, self.scope.0.task.ground.now());
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
            .field("waited", &lock(&self.progress).waited)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests;
