//! A model call that has begun: it is opened before it is sent, and settled once.

use std::cell::OnceCell;
use std::sync::Arc;

use opentelemetry::Context;
use outlay_ledger::{Ask, Budget, BudgetExceeded, Forecast, PendingCall, Refusal};

use super::call_end::CallEnd;
use super::call_start::CallStart;
use super::operation::Operation;
use super::{outside_tasks, price};
use crate::scope::TracedScope;
use crate::signer::Signer;

/// A model call that has begun. Settle it once, however it ends.
#[derive(Debug)]
pub struct OpenCall {
    pub(super) scope: TracedScope,
    pub(super) start: CallStart,
    /// `None` for what is free.
    pub(super) pending: Option<PendingCall>,
    pub(super) context: Context,
    /// Where it was made, if that is in no task.
    pub(super) site: Option<Arc<str>>,
}

impl OpenCall {
    /// Begins a call in `scope`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] where its task is stopped, or a budget refuses it. The refusal is in the pending, and has its span.
    pub fn begin(scope: &TracedScope, start: CallStart) -> Result<Self, Refusal> {
        if start.operation.is_free() {
            return Ok(Self::in_scope(scope.clone(), start, None));
        }
        let asked = match outside_tasks::refusal(scope, &start) {
            Some(refusal) => Err(refusal),
            None => Self::ask(scope, &start, false),
        };
        match asked {
            Ok(pending) => Ok(Self::in_books(scope, start, pending)),
            Err(reason) => {
                let refused = Self::made(scope, start);
                refused.settle(CallEnd::refused(&reason));
                Err(reason)
            }
        }
    }

    /// The same as a trial: where a budget refuses the call, that leaves no trace, and the call can be begun otherwise.
    ///
    /// # Errors
    ///
    /// The refusal of a budget. Whatever else refuses a call is left to [`begin`](Self::begin).
    pub fn try_begin(scope: &TracedScope, start: &CallStart) -> Result<Option<Self>, BudgetExceeded> {
        if start.operation.is_free() || outside_tasks::refusal(scope, start).is_some() {
            return Ok(None);
        }
        match Self::ask(scope, start, true) {
            Ok(pending) => Ok(Some(Self::in_books(scope, start.clone(), pending))),
            Err(Refusal::Budget(why)) => Err(why),
            Err(_) => Ok(None),
        }
    }

    fn ask(scope: &TracedScope, start: &CallStart, is_trial: bool) -> Result<PendingCall, Refusal> {
        // Nearly every call is asked by no budget in dollars.
        let prices = OnceCell::new();
        let has_tokens = start.bills_tokens && start.operation.has_model();
        let most = |input, output| price::most(start, prices.get_or_init(|| scope.core().prices()), input, output);
        let expected = scope.core().measured_prompts.expected(&start.model, start.prompt);
        let ask = Ask {
            model: &start.model,
            input: if has_tokens { start.prompt.most } else { 0 },
            max_output: if start.writes_tokens() {
                start.max_tokens.map(|tokens| tokens.saturating_mul(start.inferences))
            } else {
                Some(0)
            },
            is_turn: start.operation == Operation::Chat,
            has_model: start.operation.has_model(),
            is_trial,
            bound: &|output| most(start.prompt.most, output),
        };
        let forecast = Forecast {
            input: if has_tokens { expected } else { 0 },
            answers: start.inferences,
            usd: Some(&|output| most(expected, output)),
        };
        scope.in_ledger().open_call_expecting(&ask, &forecast)
    }

    /// Begins a call that has been made by other means: no budget can refuse it any more.
    pub fn made(scope: &TracedScope, start: CallStart) -> Self {
        Self::in_books(scope, start, scope.in_ledger().open_call_unchecked())
    }

    fn in_books(scope: &TracedScope, start: CallStart, pending: PendingCall) -> Self {
        // Now, so that it may be known when the call settles.
        scope.core().models.resolve_in_background(&start.model);
        scope.core().metrics.call_opened(scope.in_ledger(), &start.model);
        Self::in_scope(scope.around(pending.scope()), start, Some(pending))
    }

    fn in_scope(scope: TracedScope, start: CallStart, pending: Option<PendingCall>) -> Self {
        let context = scope.context();
        let site = outside_tasks::note_site(&scope, &start);
        Self { scope, start, pending, context, site }
    }

    /// The scope that the call is counted in.
    pub const fn scope(&self) -> &TracedScope {
        &self.scope
    }

    /// What was known before it was sent.
    pub const fn start(&self) -> &CallStart {
        &self.start
    }

    /// Corrects what was taken to go on the wire by what did.
    pub fn start_mut(&mut self) -> &mut CallStart {
        &mut self.start
    }

    /// The most output tokens of all answers, where its end is not seen: what it allows itself, else what a budget that
    /// holds it assumes.
    pub fn most_output(&self) -> u64 {
        let CallStart { max_tokens, inferences, .. } = self.start;
        let assumed = self.pending.as_ref().and_then(PendingCall::assumed_output).filter(|_| max_tokens.is_none());
        assumed.unwrap_or(Budget::most_output(max_tokens, inferences))
    }

    /// It goes on the wire now, signed with these credentials as far as that is known: the series of its cost begin
    /// with 0.
    pub fn sent(&self, signer: Option<&Signer>) {
        if self.pending.is_some() {
            self.scope.core().metrics.call_sent(self.scope.in_ledger(), &self.start.model, signer);
        }
    }
}
