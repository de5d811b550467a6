use std::fmt;
use std::sync::Arc;

use outlay_ledger::BudgetExceeded;

use crate::callback::guarded;

/// How a call that a budget refused is made all the same: with less.
///
/// ```
/// use outlay_otel::Degrade;
///
/// let cheaper = Degrade::to_model("us.amazon.nova-lite-v1:0").with_max_tokens(500);
/// let shorter = Degrade::to_max_tokens(200);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degrade {
    model: Option<Arc<str>>,
    max_tokens: Option<u32>,
}

impl Degrade {
    /// Another model answers.
    pub fn to_model(model: &str) -> Self {
        Self { model: Some(model.into()), max_tokens: None }
    }

    /// The same model answers, at most so long.
    pub const fn to_max_tokens(tokens: u32) -> Self {
        Self { model: None, max_tokens: Some(tokens) }
    }

    /// The answer has at most so many tokens; one that asks for fewer already stays.
    #[must_use]
    pub const fn with_max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// The model, where it is to be another.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The most tokens of the answer, where that is to change.
    pub const fn max_tokens(&self) -> Option<u32> {
        self.max_tokens
    }
}

/// The application's function that decides about calls that a budget refuses; none by default.
#[derive(Clone, Default)]
pub struct OnRefusal(Option<Arc<Decide>>);

type Decide = dyn Fn(&BudgetExceeded) -> Option<Degrade> + Send + Sync;

impl OnRefusal {
    /// Wraps the function. It is called on the path of a call, and should return soon.
    pub fn new(decide: impl Fn(&BudgetExceeded) -> Option<Degrade> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(decide)))
    }

    pub(crate) const fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn decide(&self, refusal: &BudgetExceeded) -> Option<Degrade> {
        let decide = self.0.as_ref()?;
        guarded("on_refusal", || decide(refusal)).flatten()
    }
}

impl fmt::Debug for OnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRefusal")
    }
}
