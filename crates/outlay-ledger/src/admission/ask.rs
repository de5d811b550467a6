use std::sync::Arc;

use outlay_price::Usd;

/// The request of a call to the budgets above it.
#[allow(missing_debug_implementations, reason = "it holds a closure, and lives for one call")]
pub struct Ask<'a> {
    /// The model, which a refusal names.
    pub model: &'a Arc<str>,
    /// The maximum number of input tokens.
    pub input: u64,
    /// The call's own maximum of output tokens, if it sets one.
    pub max_output: Option<u64>,
    /// Whether it is a chat call, which is a turn of an agent's loop.
    pub is_turn: bool,
    /// Whether `model` names a model, so that the policy is checked for it.
    pub has_model: bool,
    /// Whether a refusal is not counted, because the call may still be made another way.
    pub is_trial: bool,
    /// Returns the maximum cost for a number of output tokens, or `None` if the model has no price.
    pub bound: &'a dyn Fn(u64) -> Option<Usd>,
}
