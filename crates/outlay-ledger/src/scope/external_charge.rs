//! External charges.

use std::sync::Arc;

use outlay_price::Charge;

use crate::alert::Alerts;
use crate::money::Spent;
use crate::record::ChargeRecord;
use crate::sync::lock;
use crate::task::scope_name;

use super::Scope;

impl Scope {
    /// Records an external charge in this scope, or in the nearest open scope around it.
    pub fn charge(&self, name: &str, charge: Charge) -> ChargedScope {
        let (name, at) = (scope_name(name), self.0.task.ledger.now());
        let record = ChargeRecord { name: name.clone(), charge, at };
        loop {
            let scope = self.open_ancestor();
            let keep = scope.0.keep_record();
            let mut state = lock(&scope.0.state);
            // The scope may have shut since it was found. The root has no parent to fall back to.
            if state.is_shut() && !scope.is_root() {
                continue;
            }
            let orphaned = !state.add_external(record, &scope.0.cost_kind, keep);
            let late = orphaned || scope.0.late;
            // Under the lock, so that a charge that is in the totals is in the budgets too.
            if !late {
                scope.0.task.spend(charge.total(), 0);
            }
            let mut alerts = Alerts::default();
            let spent = Spent::usd(charge.total());
            scope.0.spend(&spent, at, &mut alerts);
            drop(state);
            scope.spend_shared(&spent);
            scope.watch_charge(charge.total(), at, &mut alerts);
            alerts.send(&scope);
            return ChargedScope { scope, name, late, orphaned };
        }
    }
}

/// The place where a charge was counted.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChargedScope {
    /// The scope that the charge was counted in.
    pub scope: Scope,
    /// The charge's name, cleaned and cut to 64 characters.
    pub name: Arc<str>,
    /// Whether the charge is not in the task's total, because the task or its scope had closed before.
    pub late: bool,
    /// Whether the charge is not in its own scope's total either, because that scope had closed before.
    pub orphaned: bool,
}
