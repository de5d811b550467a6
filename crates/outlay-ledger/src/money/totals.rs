use std::fmt;
use std::sync::Arc;

use outlay_price::{Charge, CostStatus, DirectionTotals, Usage, Usd};

use crate::{CostKind, StepKind};

/// A scope's totals split by at most this many models; what lies beyond is under `other`.
const MAX_MODELS: usize = 64;
/// Likewise for the user's own kinds of step.
const MAX_KINDS: usize = 64;

/// What a scope and all below it cost: a snapshot.
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

/// What one kind of step cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindTotals {
    /// The kind.
    pub kind: CostKind,
    /// The known part of its cost.
    pub cost: Usd,
    /// Its calls.
    pub calls: u64,
}

/// What one model cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelTotals {
    /// The model as the application asked for it; `other` past 64 models.
    pub model: Arc<str>,
    /// The known part of its cost.
    pub cost: Usd,
    /// Its tokens.
    pub usage: Usage,
    /// Its calls.
    pub calls: u64,
    /// Those of them that have no price.
    pub unpriced_calls: u64,
}

/// An amount of money, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    usd: Option<Usd>,
    status: CostStatus,
}

impl Totals {
    /// What was spent, and how sure that is.
    pub fn cost(&self) -> Cost {
        Cost { usd: self.is_known().then(|| self.known()), status: self.status() }
    }

    /// The tokens.
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Returns how many model calls were made and have settled, without refused ones. A call that failed
    /// before anything was sent, because it had no credentials or no connection, is among them.
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// HTTP attempts of those calls.
    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Calls that failed, or that a failed scope holds.
    pub const fn failed_calls(&self) -> u64 {
        self.failed_calls
    }

    /// Returns how many calls were refused before anything was sent: by a budget, a stop or a policy, or because they were
    /// outside any task. They are not among the calls, and cost nothing.
    pub const fn refusals(&self) -> u64 {
        self.refusals
    }

    /// Calls with a part that has no price.
    pub const fn unpriced_calls(&self) -> u64 {
        self.unpriced_calls
    }

    /// Calls that are still open, or were when their scope had to be closed: their cost is not in these totals.
    pub const fn pending_calls(&self) -> u64 {
        self.pending_calls
    }

    /// Work of other processes whose receipt has not come: its cost is not in these totals.
    pub const fn pending_receipts(&self) -> u64 {
        self.pending_receipts
    }

    /// Likewise where it was given up: the cost of that work is not known.
    pub const fn lost_receipts(&self) -> u64 {
        self.lost_receipts
    }

    /// The part of the cost that other processes spent, as their receipts say.
    pub const fn remote(&self) -> Usd {
        self.remote
    }

    /// Chat calls that were answered: how often the agent's loop went round.
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// The part of the cost that is known to the last unit.
    pub const fn exact(&self) -> Usd {
        self.exact
    }

    /// The part that is estimated.
    pub const fn estimated(&self) -> Usd {
        self.estimated
    }

    /// The part of which only an upper bound is known.
    pub const fn bounded(&self) -> Usd {
        self.bounded
    }

    /// What failed calls cost, and calls and charges under a failed scope; each counts once.
    pub const fn failed_cost(&self) -> Usd {
        self.failed
    }

    /// What prompt caching saved, net of what writing to the cache cost more; negative where it cost more.
    pub const fn cache_savings(&self) -> Usd {
        self.cache_savings
    }

    /// The cost by direction.
    pub const fn by_direction(&self) -> &DirectionTotals {
        &self.directions
    }

    /// The cost by kind of step: a partition of the total.
    pub fn by_kind(&self) -> &[KindTotals] {
        &self.by_kind
    }

    /// The cost by model. External charges belong to none.
    pub fn by_model(&self) -> &[ModelTotals] {
        &self.by_model
    }

    /// The known part of the cost; zero also where nothing is known.
    pub(crate) fn known(&self) -> Usd {
        self.exact.saturating_add(self.estimated).saturating_add(self.bounded)
    }

    fn is_known(&self) -> bool {
        self.priced_parts > 0 || self.status() != CostStatus::Unpriced
    }

    /// The weakest part's. What was lost may yet be found: it weakens the figure only while it is.
    const fn status(&self) -> CostStatus {
        if self.lost_receipts > 0 { CostStatus::Unpriced } else { self.status }
    }

    /// Adds a charge that is no model call.
    pub(crate) fn add_external(&mut self, charge: &Charge, kind: &CostKind) {
        self.add_charge(charge);
        self.add_kind(kind, charge.total(), 0);
    }

    /// Adds what another process spent for a scope of this kind: what no step held there is of the kind here, and all of
    /// it where that is a retry.
    pub(crate) fn add_remote(&mut self, there: &Self, kind: &CostKind) {
        let mut part = there.clone();
        part.remote = part.known();
        let is_retry = matches!(kind, CostKind::Step(StepKind::Retry));
        let kinds = std::mem::take(&mut part.by_kind);
        for own in kinds {
            let held_there = own.kind != CostKind::Direct && !is_retry;
            part.add_kind(if held_there { &own.kind } else { kind }, own.cost, own.calls);
        }
        self.add(&part, false);
    }

    /// Adds what a scope below cost; `failed` if that scope failed.
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

    /// All that was spent here was spent under a failed scope.
    pub(crate) fn mark_failed(&mut self) {
        self.failed = self.known();
        self.failed_calls = self.calls;
    }

    /// So many calls are open for good, and receipts will not come in time: what they cost is not known.
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
            // The known part of a call that is not priced whole is no more than a lower bound of it; it stands with
            // the figures that are not sure, and the status says the rest.
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
            one_at_first(&mut self.by_kind);
            self.by_kind.push(KindTotals { kind: kind.clone(), cost, calls });
        } else {
            self.add_kind(&CostKind::Step(StepKind::Other(Arc::from("other"))), cost, calls);
        }
    }

    /// The known kinds always have a place of their own, and so has what is beyond.
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
            one_at_first(&mut self.by_model);
            self.by_model.push(model);
        } else if let Some(rest) = self.by_model.last_mut() {
            rest.model = Arc::from("other");
            rest.add(model.cost, model.usage, model.calls, model.unpriced_calls);
        }
    }
}

/// Most scopes see one kind and one model: no room is taken for more before there is more.
fn one_at_first<T>(list: &mut Vec<T>) {
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
    /// The known part, in US dollars; `None` where nothing of it is priced. Never zero for what is unpriced.
    pub const fn usd(&self) -> Option<Usd> {
        self.usd
    }

    /// How sure the figure is: the weakest part's status.
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
