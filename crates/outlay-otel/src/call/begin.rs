//! Begins model calls, before they are sent.

use std::cell::OnceCell;
use std::sync::Arc;

use opentelemetry::Context;
use outlay_ledger::{Ask, Budget, BudgetExceeded, Forecast, PendingCall, Refusal};

use super::call_end::CallEnd;
use super::call_start::CallStart;
use super::operation::Operation;
use super::{look_up_price, outside_tasks};
use crate::scope::TracedScope;
use crate::signer::Signer;

/// A model call that has begun. Settle it exactly once, however it ends.
#[derive(Debug)]
pub struct OpenCall {
    pub(super) scope: TracedScope,
    pub(super) start: CallStart,
    /// `None` for a free operation.
    pub(super) pending: Option<PendingCall>,
    pub(super) context: Context,
    /// The place in the application that makes the call, if it is outside any task.
    pub(super) site: Option<Arc<str>>,
}

impl OpenCall {
    /// Begins a call in `scope`.
    ///
    /// # Errors
    ///
    /// Returns a [`Refusal`] if the task is stopped, if a budget or the policy refuses the call, or if it is outside
    /// any task and such calls are refused. The refusal is recorded in the ledger and has a span.
    pub fn begin(scope: &TracedScope, start: CallStart) -> Result<Self, Refusal> {
        if start.operation.is_free() {
            return Ok(Self::build(scope.clone(), start, None));
        }
        let admitted = match outside_tasks::refusal(scope, &start) {
            Some(refusal) => Err(refusal),
            None => Self::ask(scope, &start, false),
        };
        match admitted {
            Ok(pending) => Ok(Self::with_pending(scope, start, pending)),
            Err(reason) => {
                let refused = Self::begin_unchecked(scope, start);
                refused.settle(CallEnd::refused(&reason));
                Err(reason)
            }
        }
    }

    /// Like [`begin`](Self::begin), but a refusal by a budget leaves no trace, so that the call can be begun in another
    /// form.
    ///
    /// Returns `None` for a free operation, or if anything but a budget refuses the call: use [`begin`](Self::begin) then.
    ///
    /// # Errors
    ///
    /// Returns the refusal of a budget.
    pub fn try_begin(scope: &TracedScope, start: &CallStart) -> Result<Option<Self>, BudgetExceeded> {
        if start.operation.is_free() || outside_tasks::refusal(scope, start).is_some() {
            return Ok(None);
        }
        match Self::ask(scope, start, true) {
            Ok(pending) => Ok(Some(Self::with_pending(scope, start.clone(), pending))),
            Err(Refusal::Budget(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn ask(scope: &TracedScope, start: &CallStart, is_trial: bool) -> Result<PendingCall, Refusal> {
        // Few calls have a budget in dollars, which needs the prices.
        let prices = OnceCell::new();
        let has_tokens = start.bills_tokens && start.operation.has_model();
        let max_cost =
            |input, output| look_up_price::max_cost(start, prices.get_or_init(|| scope.core().prices()), input, output);
        let expected = scope.core().measured_prompts.expected(&start.model, start.prompt);
        let ask = Ask {
            model: &start.model,
            input: if has_tokens { start.prompt.max } else { 0 },
            max_output: if start.writes_tokens() {
                start.max_tokens.map(|tokens| tokens.saturating_mul(start.inferences))
            } else {
                Some(0)
            },
            is_turn: start.operation == Operation::Chat,
            has_model: start.operation.has_model(),
            is_trial,
            bound: &|output| max_cost(start.prompt.max, output),
        };
        let forecast = Forecast {
            input: if has_tokens { expected } else { 0 },
            answers: start.inferences,
            usd: Some(&|output| max_cost(expected, output)),
        };
        scope.in_ledger().open_call_expecting(&ask, &forecast)
    }

    /// Begins a call that was already made by other means, so that no budget can refuse it.
    pub fn begin_unchecked(scope: &TracedScope, start: CallStart) -> Self {
        if start.operation.is_free() {
            return Self::build(scope.clone(), start, None);
        }
        Self::with_pending(scope, start, scope.in_ledger().open_call_unchecked())
    }

    fn with_pending(scope: &TracedScope, start: CallStart, pending: PendingCall) -> Self {
        // Started now, so that the model may be resolved when the call settles.
        scope.core().models.resolve_in_background(&start.model);
        scope.core().metrics.call_opened(scope.in_ledger(), &start.model);
        Self::build(scope.self_or_ancestor(pending.scope()), start, Some(pending))
    }

    fn build(scope: TracedScope, start: CallStart, pending: Option<PendingCall>) -> Self {
        let context = scope.context();
        let site = outside_tasks::call_site(&scope, &start);
        Self { scope, start, pending, context, site }
    }

    /// Returns the scope that the call is counted in.
    pub const fn scope(&self) -> &TracedScope {
        &self.scope
    }

    /// Returns what was known before the call was sent.
    pub const fn start(&self) -> &CallStart {
        &self.start
    }

    /// Returns the start of the call, to correct it to what was really sent.
    pub fn start_mut(&mut self) -> &mut CallStart {
        &mut self.start
    }

    /// Returns the maximum number of output tokens of all answers, for a call whose end is not seen: the maximum that the
    /// request sets, else the number that its budget assumes.
    pub fn max_output(&self) -> u64 {
        let CallStart { max_tokens, inferences, .. } = self.start;
        let assumed = self.pending.as_ref().and_then(PendingCall::assumed_output).filter(|_| max_tokens.is_none());
        assumed.unwrap_or(Budget::most_output(max_tokens, inferences))
    }

    /// Records that the call is being sent, with its signer if known. The series of its cost start at 0.
    pub fn mark_sent(&self, signer: Option<&Signer>) {
        if self.pending.is_some() {
            self.scope.core().metrics.call_sent(self.scope.in_ledger(), &self.start.model, signer);
        }
    }
}
