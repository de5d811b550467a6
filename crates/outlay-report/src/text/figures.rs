//! The figures of one row: what they are and how sure.

use outlay_ledger::{CallRecord, ChargeRecord, RemoteRecord, Totals};
use outlay_price::{Charge, CostStatus, Usage, Usd};

use super::look::Look;
use super::money::Shown;
use super::numbers::count;

/// What a row of the tree shows: of one record, or of several as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// The known part of the cost.
    pub(super) cost: Usd,
    /// The part of it that is an upper bound.
    pub(super) bounded: Usd,
    /// The part of it that is what is known of something unpriced: a lower bound.
    pub(super) partial: Usd,
    pub(super) status: CostStatus,
    pub(super) calls: u64,
    /// Calls that were refused, and are not among the calls.
    pub(super) refusals: u64,
    /// Calls with a part that has no price.
    pub(super) unpriced: u64,
    /// Whose cost is not known, for it is open.
    pub(super) pending: Pending,
    pub(super) tokens: Tokens,
    /// Whether the tokens are not known at all.
    pub(super) tokens_unknown: bool,
}

/// What is not in a figure, for it has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// Calls.
    pub(super) calls: u64,
    /// Receipts of other processes.
    pub(super) receipts: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) output: u64,
}

/// How a known amount stands to the true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// It is the true one, or the best estimate of it.
    Even,
    AtMost,
    AtLeast,
    /// It holds upper and lower bounds.
    Neither,
    /// Nothing of it is known.
    Nothing,
}

impl Figures {
    /// Of a scope and all below it. What of its cost is a lower bound, its totals do not tell.
    pub(super) fn of_totals(totals: &Totals, partial: Usd) -> Self {
        Self {
            cost: known(totals),
            bounded: totals.bounded() - partial,
            partial,
            status: totals.cost().status(),
            calls: totals.calls(),
            refusals: totals.refusals(),
            unpriced: totals.unpriced_calls(),
            pending: Pending::of(totals),
            tokens: Tokens::of(totals.usage()),
            tokens_unknown: false,
        }
    }

    pub(super) fn of_call(call: &CallRecord) -> Self {
        Self {
            calls: u64::from(!call.refused),
            refusals: u64::from(call.refused),
            unpriced: u64::from(!call.charge.is_priced()),
            tokens: Tokens::of(&call.usage),
            tokens_unknown: call.usage.is_empty() && !call.charge.is_priced(),
            ..Self::of_amount(&call.charge)
        }
    }

    pub(super) fn of_charge(charge: &ChargeRecord) -> Self {
        Self::of_amount(&charge.charge)
    }

    /// What came back as a receipt; of one that was lost nothing is known.
    pub(super) fn of_remote(remote: &RemoteRecord) -> Self {
        match &remote.totals {
            Some(totals) => Self::of_totals(totals, Usd::ZERO),
            None => Self { status: CostStatus::Unpriced, ..Self::default() },
        }
    }

    fn of_amount(charge: &Charge) -> Self {
        let cost = charge.total();
        let (bounded, partial) = match charge.status() {
            CostStatus::Exact | CostStatus::Estimated => (Usd::ZERO, Usd::ZERO),
            CostStatus::Bounded => (cost, Usd::ZERO),
            CostStatus::Unpriced => (Usd::ZERO, cost),
        };
        Self { cost, bounded, partial, status: charge.status(), ..Self::default() }
    }

    /// Both as one.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            cost: self.cost + other.cost,
            bounded: self.bounded + other.bounded,
            partial: self.partial + other.partial,
            status: self.status.weakest(other.status),
            calls: self.calls.saturating_add(other.calls),
            refusals: self.refusals.saturating_add(other.refusals),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            pending: self.pending.and(other.pending),
            tokens: Tokens {
                input: self.tokens.input.saturating_add(other.tokens.input),
                cached: self.tokens.cached.saturating_add(other.tokens.cached),
                output: self.tokens.output.saturating_add(other.tokens.output),
            },
            tokens_unknown: false,
        }
    }

    /// What of this is not in `part`. Its status is as weak as the amounts that are left.
    pub(super) fn without(self, part: Self) -> Self {
        let bounded = self.bounded - part.bounded;
        let unpriced = self.unpriced.saturating_sub(part.unpriced);
        let status = match (unpriced, bounded) {
            (0, Usd::ZERO) => CostStatus::Exact,
            (0, _) => CostStatus::Bounded,
            _ => CostStatus::Unpriced,
        };
        Self {
            cost: self.cost - part.cost,
            bounded,
            partial: Usd::ZERO,
            status,
            calls: self.calls.saturating_sub(part.calls),
            refusals: self.refusals.saturating_sub(part.refusals),
            unpriced,
            pending: self.pending.without(part.pending),
            tokens: Tokens {
                input: self.tokens.input.saturating_sub(part.tokens.input),
                cached: self.tokens.cached.saturating_sub(part.tokens.cached),
                output: self.tokens.output.saturating_sub(part.tokens.output),
            },
            tokens_unknown: false,
        }
    }

    /// Whether nothing of the cost is known, so that an amount of zero would be a lie.
    pub(super) fn is_unknown(&self) -> bool {
        self.bound() == Bound::Nothing
    }

    /// The cost as shown: the amount with its bound, or a word where nothing is known.
    pub(super) fn cost_text(&self, shown: Shown, currency: &str, look: &Look) -> String {
        let amount = shown.text(currency);
        match self.bound() {
            Bound::Nothing if self.status == CostStatus::Unpriced => "unpriced".to_owned(),
            Bound::Nothing => "pending".to_owned(),
            Bound::Even => amount,
            Bound::AtMost if shown.is_tiny() => amount.replacen('<', look.at_most, 1),
            Bound::AtLeast | Bound::Neither if shown.is_tiny() => format!(">{currency}0"),
            Bound::AtMost => format!("{}{amount}", look.at_most),
            Bound::AtLeast => format!("{}{amount}", look.at_least),
            Bound::Neither => format!("~{amount}"),
        }
    }

    fn bound(&self) -> Bound {
        let is_open = self.status == CostStatus::Unpriced || !self.pending.is_nothing();
        match (is_open, self.status) {
            (true, _) if self.cost.is_zero() => Bound::Nothing,
            (true, _) if self.bounded.is_zero() => Bound::AtLeast,
            (true, _) => Bound::Neither,
            (false, CostStatus::Bounded) => Bound::AtMost,
            (false, _) => Bound::Even,
        }
    }
}

impl Pending {
    pub(super) const fn of(totals: &Totals) -> Self {
        Self { calls: totals.pending_calls(), receipts: totals.pending_receipts() }
    }

    pub(super) const fn is_nothing(self) -> bool {
        self.calls == 0 && self.receipts == 0
    }

    /// `2 calls pending`, ...; `None` where nothing is.
    pub(super) fn text(self) -> Option<String> {
        match (self.calls, self.receipts) {
            (0, 0) => None,
            (calls, 0) => Some(format!("{} pending", count(calls, "call"))),
            (0, receipts) => Some(format!("{} pending", count(receipts, "receipt"))),
            (calls, receipts) => Some(format!("{}, {} pending", count(calls, "call"), count(receipts, "receipt"))),
        }
    }

    const fn and(self, other: Self) -> Self {
        Self { calls: self.calls.saturating_add(other.calls), receipts: self.receipts.saturating_add(other.receipts) }
    }

    const fn without(self, part: Self) -> Self {
        Self { calls: self.calls.saturating_sub(part.calls), receipts: self.receipts.saturating_sub(part.receipts) }
    }
}

impl Tokens {
    const fn of(usage: &Usage) -> Self {
        Self { input: usage.input_tokens(), cached: usage.cache_read_tokens(), output: usage.output_tokens() }
    }
}

/// The known part of a total; zero also where nothing is known.
pub(super) fn known(totals: &Totals) -> Usd {
    totals.exact() + totals.estimated() + totals.bounded()
}
