use outlay_price::Usd;

/// What is expected of a call, beside the most that it can come to: for budgets that reserve
/// [`Reserve::Expected`](crate::Reserve::Expected), and for a call that asks for several answers.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "it holds a closure, and lives for one call")]
pub struct Forecast<'a> {
    /// The tokens of input that are expected.
    pub input: u64,
    /// How many answers the call asks for: each may be as long as it is assumed to be where the call sets no maximum.
    pub answers: u64,
    /// Returns the expected cost for a number of output tokens. It is `None` where only the most is known.
    pub usd: Option<&'a dyn Fn(u64) -> Option<Usd>>,
}

impl Forecast<'_> {
    /// One answer, and nothing expected but the most.
    pub const NONE: Self = Self { input: u64::MAX, answers: 1, usd: None };
}
