use std::sync::Arc;

use outlay_price::Usd;

/// What a call asks of the budgets above it.
#[allow(missing_debug_implementations, reason = "it holds a closure, and lives for one call")]
pub struct Ask<'a> {
    /// The model, for the refusal's text.
    pub model: &'a Arc<str>,
    /// The most tokens of its input.
    pub input: u64,
    /// The most output tokens that the call allows itself, where it says so.
    pub max_output: Option<u64>,
    /// Whether it is a chat: a turn of an agent's loop.
    pub is_turn: bool,
    /// Whether `model` names a model, which a policy may not allow.
    pub has_model: bool,
    /// Whether a refusal leaves no trace, for the call may yet be made otherwise.
    pub is_trial: bool,
    /// The most that the call can cost if it writes at most so many output tokens; `None` where it has no price.
    pub bound: &'a dyn Fn(u64) -> Option<Usd>,
}
