use outlay_price::Usd;

/// The expected size of a call, for budgets that reserve [`Reserve::Expected`](crate::Reserve::Expected) and for calls
/// that request several answers.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "it holds a closure, and lives for one call")]
pub struct Forecast<'a> {
    /// The expected number of input tokens.
    pub input: u64,
    /// The number of answers requested. If the call sets no maximum, the assumed output applies to each.
    pub answers: u64,
    /// Returns the expected cost for a number of output tokens. `None` if only the bound is known.
    pub usd: Option<&'a dyn Fn(u64) -> Option<Usd>>,
}

impl Forecast<'_> {
    /// A forecast of one answer that expects no less than the bound.
    pub const NONE: Self = Self { input: u64::MAX, answers: 1, usd: None };
}
