//! Tokens with which another process sets the outcome of a task here.

use outlay_ledger::Dimensions;

use super::traced_scope::TracedScope;
use crate::outcome_token::{OutcomeToken, TaskFacts};

impl TracedScope {
    /// Returns a token for the task, if this scope is one.
    pub fn outcome_token(&self) -> OutcomeToken {
        let (core, task) = (self.core(), self.in_ledger());
        let facts = TaskFacts {
            token: core.ledger.new_outcome_id(),
            id: task.task_id(),
            name: task.task_name().clone(),
            span: self.span_context().cloned(),
            outcome: task.outcome(),
            dimensions: Dimensions::default(),
            cost: None,
            expires: core.outcome_tokens.expires(core.now()),
        };
        OutcomeToken::new(facts, task.dimensions().clone(), task.totals().cost(), core.outcome_tokens.key.clone())
    }
}
