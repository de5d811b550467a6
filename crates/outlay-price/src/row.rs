use crate::rate::{RateSet, Rates};
use crate::start::Start;
use crate::{Confidence, Geo, Latency, Routing, Tier, UnitPrice};

pub(crate) mod tsv;

/// One line of a price table: one model, tier, date and context size, on some roads and in some regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Without geo prefix; or the full text of an opaque id.
    pub(crate) model: String,
    pub(crate) place: Place,
    /// The account whose private price it is; `None` is every account.
    pub(crate) account: Option<String>,
    /// The roads that it is of. Of a geo profile it holds in the regions of that geography.
    pub(crate) routings: Vec<Routing>,
    pub(crate) tier: Tier,
    pub(crate) latency: Latency,
    /// Holds for calls with more input tokens than this.
    pub(crate) context_over: u64,
    /// `None` is since ever.
    pub(crate) start: Option<Start>,
    pub(crate) rates: Rates,
    /// The rates that nobody stated for these regions, and that a rule derived.
    pub(crate) derived: RateSet,
    pub(crate) units: Vec<UnitPrice>,
    pub(crate) source: String,
    /// The day on which the source said so.
    pub(crate) as_of: String,
    pub(crate) confidence: Confidence,
    pub(crate) note: String,
}

/// The regions that a price was stated for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// These.
    Regions(Vec<String>),
    /// A geography, by a source that does not tell its regions apart.
    Geo(Geo),
    /// All: of the bundled table those of AWS's commercial partition, in which the price is the same.
    Any,
}

#[cfg(feature = "import")]
impl Row {
    /// The only region that it is of.
    pub(crate) fn region(&self) -> Option<&str> {
        match &self.place {
            Place::Regions(regions) => regions.first().map(String::as_str),
            Place::Geo(_) | Place::Any => None,
        }
    }
}

impl Place {
    /// A region, or all where there is none.
    pub(crate) fn of_region(region: Option<&str>) -> Self {
        region.map_or(Self::Any, |region| Self::Regions(vec![region.to_owned()]))
    }
}
