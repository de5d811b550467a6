use std::fmt;
use std::sync::Arc;

use outlay_ledger::BudgetExceeded;

use crate::callback::guarded;

/// A cheaper form of a call that a budget refused: another model, fewer output tokens, or both.
///
/// ```
/// use outlay_otel::Downgrade;
///
/// let cheaper = Downgrade::to_model("us.amazon.nova-lite-v1:0").with_max_tokens(500);
/// let shorter = Downgrade::to_max_tokens(200);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downgrade {
    model: Option<Arc<str>>,
    max_tokens: Option<u32>,
}

impl Downgrade {
    /// Sends the call to another model.
    pub fn to_model(model: &str) -> Self {
        Self { model: Some(model.into()), max_tokens: None }
    }

    /// Sends the call to the same model, with at most `tokens` output tokens.
    pub const fn to_max_tokens(tokens: u32) -> Self {
        Self { model: None, max_tokens: Some(tokens) }
    }

    /// Limits the answer to `tokens` output tokens. A lower limit in the request stays.
    #[must_use]
    pub const fn with_max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Returns the other model, if the call gets one.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Returns the maximum number of output tokens, if the call gets one.
    pub const fn max_tokens(&self) -> Option<u32> {
        self.max_tokens
    }
}

/// The application's function that decides about calls that a budget refuses. Defaults to none.
#[derive(Clone, Default)]
pub struct OnRefusal(Option<Arc<Decide>>);

type Decide = dyn Fn(&BudgetExceeded) -> Option<Downgrade> + Send + Sync;

impl OnRefusal {
    /// Wraps a function. Calls wait for it, so it should return quickly.
    pub fn new(decide: impl Fn(&BudgetExceeded) -> Option<Downgrade> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(decide)))
    }

    pub(crate) const fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn decide(&self, refusal: &BudgetExceeded) -> Option<Downgrade> {
        let decide = self.0.as_ref()?;
        guarded("on_refusal", || decide(refusal)).flatten()
    }
}

impl fmt::Debug for OnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRefusal")
    }
}
