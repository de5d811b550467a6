use std::sync::Arc;
use std::time::SystemTime;

use outlay_ledger::{Scope, Settled};
use outlay_price::{Charge, Price};

use super::billed::ShownTokens;
use super::call_end::CallEnd;
use super::call_start::CallStart;
use super::operation::Operation;

/// All that is known about a settled call.
#[derive(Debug)]
pub(crate) struct SettledCall {
    pub(crate) scope: Scope,
    pub(crate) start: CallStart,
    pub(crate) end: CallEnd,
    pub(crate) charge: Charge,
    pub(crate) price: Option<Price>,
    pub(crate) ended: SystemTime,
    pub(crate) settled: Settled,
    /// The place in the application that made the call, if it is outside any task.
    pub(crate) site: Option<Arc<str>>,
}

impl SettledCall {
    /// Returns the tokens as spans and the conventions' metrics show them. Embeddings have no output.
    pub(crate) fn shown_tokens(&self) -> Option<ShownTokens> {
        let tokens = self.end.billed.shown_tokens()?;
        let has_output = self.start.operation != Operation::Embeddings;
        Some(ShownTokens { output: tokens.output.filter(|_| has_output), ..tokens })
    }

    /// Returns whether any part of the cost is known.
    pub(crate) fn has_figure(&self) -> bool {
        self.charge.is_priced() || !self.charge.total().is_zero()
    }
}
