use std::fmt;
use std::sync::Arc;

use outlay_price::{Charge, CostStatus, DirectionTotals, Usage, Usd};

use crate::{CostKind, StepKind};

/// The maximum number of models in a scope's totals; further ones are counted as `other`.
const MAX_MODELS: usize = 64;
/// The maximum number of custom step kinds in a scope's totals; further ones are counted as `other`.
const MAX_KINDS: usize = 64;

/// A snapshot of what a scope and all scopes below it cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub(crate) exact: Usd,
    pub(crate) estimated: Usd,
    pub(crate) bounded: Usd,
    pub(crate) failed: Usd,
    pub(crate) remote: Usd,
    pub(crate) cache_savings: Usd,
    pub(crate) directions: DirectionTotals,
    pub(crate) usage: Usage,
    pub(crate) status: CostStatus,
    pub(crate) priced_parts: u64,
    pub(crate) calls: u64,
    pub(crate) attempts: u64,
    pub(crate) failed_calls: u64,
    pub(crate) refusals: u64,
    pub(crate) unpriced_calls: u64,
    pub(crate) pending_calls: u64,
    pub(crate) pending_receipts: u64,
    pub(crate) lost_receipts: u64,
    pub(crate) turns: u64,
    pub(crate) by_kind: Vec<KindTotals>,
    pub(crate) by_model: Vec<ModelTotals>,
}

/// The cost of one kind of step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindTotals {
    /// The kind.
    pub kind: CostKind,
    /// The known part of its cost.
    pub cost: Usd,
    /// The number of calls.
    pub calls: u64,
}

/// The cost of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelTotals {
    /// The model id in the request; `other` beyond 64 models.
    pub model: Arc<str>,
    /// The known part of its cost.
    pub cost: Usd,
    /// Its tokens.
    pub usage: Usage,
    /// The number of calls.
    pub calls: u64,
    /// The number of calls without a price.
    pub unpriced_calls: u64,
}

/// An amount of money with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    usd: Option<Usd>,
    status: CostStatus,
}

impl Totals {
    /// Returns the cost and its status.
    pub fn cost(&self) -> Cost {
        Cost { usd: self.is_known().then(|| self.known()), status: self.status() }
    }

    /// Returns the token usage.
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Returns the number of settled model calls, without refused ones. It includes calls that failed before anything was
    /// sent, for example without credentials or a connection.
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// Returns the number of HTTP attempts of those calls.
    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Returns the number of calls that failed or belong to a failed scope.
    pub const fn failed_calls(&self) -> u64 {
        self.failed_calls
    }

    /// Returns the number of calls that were refused before anything was sent: by a budget, a stop or a policy, or
    /// because they were outside any task. They are not counted as calls, and cost nothing.
    pub const fn refusals(&self) -> u64 {
        self.refusals
    }

    /// Returns the number of calls that have at least one part without a price.
    pub const fn unpriced_calls(&self) -> u64 {
        self.unpriced_calls
    }

    /// Returns the number of calls that are open, or were when their scope was closed. Their cost is not in these totals.
    pub const fn pending_calls(&self) -> u64 {
        self.pending_calls
    }

    /// Returns the number of receipts for remote work that have not arrived. Their cost is not in these totals.
    pub const fn pending_receipts(&self) -> u64 {
        self.pending_receipts
    }

    /// Returns the number of receipts for remote work that were given up. The cost of that work is unknown.
    pub const fn lost_receipts(&self) -> u64 {
        self.lost_receipts
    }

    /// Returns the part of the cost that other processes spent, from their receipts.
    pub const fn remote(&self) -> Usd {
        self.remote
    }

    /// Returns the number of answered chat calls, which are the turns of agent loops.
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// Returns the exact part of the cost.
    pub const fn exact(&self) -> Usd {
        self.exact
    }

    /// Returns the estimated part of the cost.
    pub const fn estimated(&self) -> Usd {
        self.estimated
    }

    /// Returns the part of the cost that is an upper bound.
    pub const fn bounded(&self) -> Usd {
        self.bounded
    }

    /// Returns the cost of failed calls and of calls and charges in failed scopes. Each is counted once.
    pub const fn failed_cost(&self) -> Usd {
        self.failed
    }

    /// Returns what prompt caching saved, minus the extra cost of cache writes; negative if caching cost more than it
    /// saved.
    pub const fn cache_savings(&self) -> Usd {
        self.cache_savings
    }

    /// Returns the cost by direction.
    pub const fn by_direction(&self) -> &DirectionTotals {
        &self.directions
    }

    /// Returns the cost by kind of step. The kinds partition the total.
    pub fn by_kind(&self) -> &[KindTotals] {
        &self.by_kind
    }

    /// Returns the cost by model. External charges belong to no model.
    pub fn by_model(&self) -> &[ModelTotals] {
        &self.by_model
    }

    /// Returns the known part of the cost; zero if nothing is known.
    pub(crate) fn known(&self) -> Usd {
        self.exact.saturating_add(self.estimated).saturating_add(self.bounded)
    }

    fn is_known(&self) -> bool {
        self.priced_parts > 0 || self.status() != CostStatus::Unpriced
    }

    /// Returns the status of the weakest part. A lost receipt may still arrive, so it weakens the status only while lost.
    const fn status(&self) -> CostStatus {
        if self.lost_receipts > 0 { CostStatus::Unpriced } else { self.status }
    }

    /// Adds an external charge.
    pub(crate) fn add_external(&mut self, charge: &Charge, kind: &CostKind) {
        self.add_charge(charge);
        self.add_kind(kind, charge.total(), 0);
    }

    /// Adds what another process spent for a scope of this kind. Its direct cost is counted under `kind`; if `kind` is a
    /// retry, so is all of it.
    pub(crate) fn add_remote(&mut self, remote: &Self, kind: &CostKind) {
        let mut part = remote.clone();
        part.remote = part.known();
        let is_retry = matches!(kind, CostKind::Step(StepKind::Retry));
        let kinds = std::mem::take(&mut part.by_kind);
        for own in kinds {
            let keeps_kind = own.kind != CostKind::Direct && !is_retry;
            part.add_kind(if keeps_kind { &own.kind } else { kind }, own.cost, own.calls);
        }
        self.add(&part, false);
    }

    /// Adds the totals of a child scope. `failed` is whether that scope failed.
    pub(crate) fn add(&mut self, below: &Self, failed: bool) {
        self.exact = self.exact.saturating_add(below.exact);
        self.estimated = self.estimated.saturating_add(below.estimated);
        self.bounded = self.bounded.saturating_add(below.bounded);
        self.cache_savings = self.cache_savings.saturating_add(below.cache_savings);
        self.directions = self.directions.saturating_add(below.directions);
        self.usage += below.usage;
        self.status = self.status.weakest(below.status);
        self.priced_parts += below.priced_parts;
        self.calls += below.calls;
        self.attempts += below.attempts;
        self.refusals += below.refusals;
        self.unpriced_calls += below.unpriced_calls;
        self.pending_calls += below.pending_calls;
        self.pending_receipts += below.pending_receipts;
        self.lost_receipts += below.lost_receipts;
        self.remote = self.remote.saturating_add(below.remote);
        self.turns += below.turns;
        let (failed_cost, failed_calls) =
            if failed { (below.known(), below.calls) } else { (below.failed, below.failed_calls) };
        self.failed = self.failed.saturating_add(failed_cost);
        self.failed_calls += failed_calls;
        for kind in &below.by_kind {
            self.add_kind(&kind.kind, kind.cost, kind.calls);
        }
        for model in &below.by_model {
            match self.by_model.iter_mut().find(|m| m.model == model.model) {
                Some(own) => own.add(model.cost, model.usage, model.calls, model.unpriced_calls),
                None => self.push_model(model.clone()),
            }
        }
    }

    /// Marks everything as spent in a failed scope.
    pub(crate) fn mark_failed(&mut self) {
        self.failed = self.known();
        self.failed_calls = self.calls;
    }

    /// Counts calls and receipts that did not settle before the scope closed. Their cost is unknown.
    pub(crate) fn abandon_pending(&mut self, calls: u64, receipts: u64) {
        if calls > 0 || receipts > 0 {
            self.pending_calls += calls;
            self.pending_receipts += receipts;
            self.status = CostStatus::Unpriced;
        }
    }

    pub(crate) fn add_charge(&mut self, charge: &Charge) {
        let cost = charge.total();
        let part = match charge.status() {
            CostStatus::Exact => &mut self.exact,
            CostStatus::Estimated => &mut self.estimated,
            // The known part of a partly priced call is only a lower bound of its cost. It is counted as bounded,
            // and the status shows the rest.
            _ => &mut self.bounded,
        };
        *part = part.saturating_add(cost);
        self.status = self.status.weakest(charge.status());
        self.priced_parts += u64::from(charge.is_priced() || !cost.is_zero());
        self.cache_savings = self.cache_savings.saturating_add(charge.cache_savings());
        self.directions = self.directions.saturating_add(*charge.by_direction());
    }

    pub(crate) fn add_kind(&mut self, kind: &CostKind, cost: Usd, calls: u64) {
        let own = self.by_kind.iter_mut().find(|k| k.kind == *kind);
        if let Some(own) = own {
            own.cost = own.cost.saturating_add(cost);
            own.calls += calls;
        } else if self.has_room_for(kind) {
            reserve_one(&mut self.by_kind);
            self.by_kind.push(KindTotals { kind: kind.clone(), cost, calls });
        } else {
            self.add_kind(&CostKind::Step(StepKind::Other(Arc::from("other"))), cost, calls);
        }
    }

    /// Returns whether the kind has an entry of its own. Only the number of custom kinds is limited.
    fn has_room_for(&self, kind: &CostKind) -> bool {
        match kind {
            CostKind::Step(StepKind::Other(name)) if &**name != "other" => {
                let own = |k: &&KindTotals| matches!(k.kind, CostKind::Step(StepKind::Other(_)));
                self.by_kind.iter().filter(own).count() < MAX_KINDS
            }
            _ => true,
        }
    }

    pub(crate) fn push_model(&mut self, model: ModelTotals) {
        if self.by_model.len() < MAX_MODELS {
            reserve_one(&mut self.by_model);
            self.by_model.push(model);
        } else if let Some(rest) = self.by_model.last_mut() {
            rest.model = Arc::from("other");
            rest.add(model.cost, model.usage, model.calls, model.unpriced_calls);
        }
    }
}

/// Reserves space for one entry in an empty list: most scopes have one kind and one model.
fn reserve_one<T>(list: &mut Vec<T>) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
}

impl ModelTotals {
    pub(crate) fn add(&mut self, cost: Usd, usage: Usage, calls: u64, unpriced_calls: u64) {
        self.cost = self.cost.saturating_add(cost);
        self.usage += usage;
        self.calls += calls;
        self.unpriced_calls += unpriced_calls;
    }
}

impl Cost {
    /// Returns the known part in US dollars, or `None` if nothing is priced. An unpriced cost is never zero.
    pub const fn usd(&self) -> Option<Usd> {
        self.usd
    }

    /// Returns the status of the weakest part.
    pub const fn status(&self) -> CostStatus {
        self.status
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.usd {
            Some(usd) => write!(f, "{usd} {}", self.status.as_str()),
            None => f.write_str("unpriced"),
        }
    }
}
