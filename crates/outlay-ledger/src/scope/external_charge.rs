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
    /// Records an external charge here, or in the nearest open scope around this one.
    pub fn charge(&self, name: &str, charge: Charge) -> ChargedScope {
        let (name, at) = (scope_name(name), self.0.task.ground.now());
        let record = ChargeRecord { name: name.clone(), charge, at };
        loop {
            let scope = self.open_ancestor();
            let keep = scope.0.keep_record();
            let mut state = lock(&scope.0.state);
            // A scope may shut while it is found; beyond the root there is none.
            if state.is_shut() && !scope.is_root() {
                continue;
            }
            let orphaned = !state.add_external(record, &scope.0.cost_kind, keep);
            let late = orphaned || scope.0.late;
            // Before the lock goes: who sees the charge in the totals sees it in the budget too.
            if !late {
                scope.0.task.spend(charge.total(), 0);
            }
            let mut alerts = Alerts::default();
            let spent = Spent::usd(charge.total());
            scope.0.spend(&spent, &mut alerts);
            drop(state);
            scope.spend_shared(&spent);
            scope.watch_charge(charge.total(), at, &mut alerts);
            alerts.send(&scope);
            return ChargedScope { scope, name, late, orphaned };
        }
    }
}

/// Where a charge was counted.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChargedScope {
    /// The scope that the charge was counted in.
    pub scope: Scope,
    /// The name that the charge goes by: cleaned, and cut to 64 characters.
    pub name: Arc<str>,
    /// Whether it is outside its task's sum, because the task or its scope had closed before.
    pub late: bool,
    /// Whether it is outside its own scope's sum too, because that had closed before.
    pub orphaned: bool,
}
