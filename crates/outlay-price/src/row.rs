use crate::rate::Rates;
use crate::start::Start;
use crate::{Confidence, Latency, Routing, Tier, UnitPrice};

pub(crate) mod tsv;

/// One line of a price table: one model, road, tier, date and context size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Without geo prefix; or the full text of an opaque id.
    pub(crate) model: String,
    /// `None` is any region without a row of its own.
    pub(crate) region: Option<String>,
    /// The account whose private price it is; `None` is every account.
    pub(crate) account: Option<String>,
    pub(crate) routing: Routing,
    pub(crate) tier: Tier,
    pub(crate) latency: Latency,
    /// Holds for calls with more input tokens than this.
    pub(crate) context_over: u64,
    /// `None` is since ever.
    pub(crate) start: Option<Start>,
    pub(crate) rates: Rates,
    pub(crate) units: Vec<UnitPrice>,
    pub(crate) source: String,
    /// The day on which the source said so.
    pub(crate) as_of: String,
    pub(crate) confidence: Confidence,
    pub(crate) note: String,
}
