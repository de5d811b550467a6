//! The figures of one row, and how certain they are.

use outlay_ledger::{CallRecord, ChargeRecord, RemoteRecord, Totals};
use outlay_price::{Charge, CostStatus, Usage, Usd};

use super::numbers::count;
use super::rounded_usd::RoundedUsd;
use super::theme::Theme;

/// The figures of a row: of one record, or the sum of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// The known part of the cost.
    pub(super) cost: Usd,
    /// The part of the cost that is an upper bound.
    pub(super) bounded: Usd,
    /// The part of the cost that is a lower bound: the known cost of something partly unpriced.
    pub(super) partial: Usd,
    pub(super) status: CostStatus,
    pub(super) calls: u64,
    /// The refused calls, which `calls` does not count.
    pub(super) refusals: u64,
    /// Calls with a part that has no price.
    pub(super) unpriced: u64,
    /// The calls and receipts that are still open, so that their cost is not known.
    pub(super) pending: Pending,
    pub(super) tokens: Tokens,
    /// Whether the number of tokens is unknown.
    pub(super) tokens_unknown: bool,
}

/// The open calls and receipts that a figure does not include.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) calls: u64,
    /// The receipts expected from other processes.
    pub(super) receipts: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) output: u64,
}

/// How a known amount relates to the true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// It is exact, or the best estimate.
    None,
    Upper,
    Lower,
    /// It contains upper and lower bounds.
    Mixed,
    /// No part of it is known.
    Unknown,
}

impl Figures {
    /// Returns the figures of a scope and all below it. `partial` is the part of the cost that is a lower bound, which
    /// the totals do not state.
    pub(super) fn of_totals(totals: &Totals, partial: Usd) -> Self {
        Self {
            cost: known_cost(totals),
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

    /// Returns the figures of a receipt, which are unknown if it was lost.
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

    /// Returns the sum of both.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            cost: self.cost + other.cost,
            bounded: self.bounded + other.bounded,
            partial: self.partial + other.partial,
            status: self.status.weakest(other.status),
            calls: self.calls.saturating_add(other.calls),
            refusals: self.refusals.saturating_add(other.refusals),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            pending: self.pending.plus(other.pending),
            tokens: Tokens {
                input: self.tokens.input.saturating_add(other.tokens.input),
                cached: self.tokens.cached.saturating_add(other.tokens.cached),
                output: self.tokens.output.saturating_add(other.tokens.output),
            },
            tokens_unknown: false,
        }
    }

    /// Returns these figures less `part`. The status is the weakest of the amounts that are left.
    pub(super) fn minus(self, part: Self) -> Self {
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
            pending: self.pending.minus(part.pending),
            tokens: Tokens {
                input: self.tokens.input.saturating_sub(part.tokens.input),
                cached: self.tokens.cached.saturating_sub(part.tokens.cached),
                output: self.tokens.output.saturating_sub(part.tokens.output),
            },
            tokens_unknown: false,
        }
    }

    /// Returns whether no part of the cost is known, so that zero would be wrong.
    pub(super) fn is_unknown(&self) -> bool {
        self.bound() == Bound::Unknown
    }

    /// Returns the cost as text: the amount with its bound, or a word if nothing is known.
    pub(super) fn cost_text(&self, rounded: RoundedUsd, currency: &str, theme: &Theme) -> String {
        let amount = rounded.text(currency);
        match self.bound() {
            Bound::Unknown if self.status == CostStatus::Unpriced => "unpriced".to_owned(),
            Bound::Unknown => "pending".to_owned(),
            Bound::None => amount,
            Bound::Upper if rounded.is_tiny() => amount.replacen('<', theme.at_most, 1),
            Bound::Lower | Bound::Mixed if rounded.is_tiny() => format!(">{currency}0"),
            Bound::Upper => format!("{}{amount}", theme.at_most),
            Bound::Lower => format!("{}{amount}", theme.at_least),
            Bound::Mixed => format!("~{amount}"),
        }
    }

    fn bound(&self) -> Bound {
        let is_open = self.status == CostStatus::Unpriced || !self.pending.is_empty();
        match (is_open, self.status) {
            (true, _) if self.cost.is_zero() => Bound::Unknown,
            (true, _) if self.bounded.is_zero() => Bound::Lower,
            (true, _) => Bound::Mixed,
            (false, CostStatus::Bounded) => Bound::Upper,
            (false, _) => Bound::None,
        }
    }
}

impl Pending {
    pub(super) const fn of(totals: &Totals) -> Self {
        Self { calls: totals.pending_calls(), receipts: totals.pending_receipts() }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.calls == 0 && self.receipts == 0
    }

    /// Returns text such as `2 calls pending`, or `None` if nothing is pending.
    pub(super) fn text(self) -> Option<String> {
        match (self.calls, self.receipts) {
            (0, 0) => None,
            (calls, 0) => Some(format!("{} pending", count(calls, "call"))),
            (0, receipts) => Some(format!("{} pending", count(receipts, "receipt"))),
            (calls, receipts) => Some(format!("{}, {} pending", count(calls, "call"), count(receipts, "receipt"))),
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self { calls: self.calls.saturating_add(other.calls), receipts: self.receipts.saturating_add(other.receipts) }
    }

    const fn minus(self, part: Self) -> Self {
        Self { calls: self.calls.saturating_sub(part.calls), receipts: self.receipts.saturating_sub(part.receipts) }
    }
}

impl Tokens {
    const fn of(usage: &Usage) -> Self {
        Self { input: usage.input_tokens(), cached: usage.cache_read_tokens(), output: usage.output_tokens() }
    }
}

/// Returns the known part of a total, which is also zero if nothing is known.
pub(super) fn known_cost(totals: &Totals) -> Usd {
    totals.exact() + totals.estimated() + totals.bounded()
}
