use crate::effective_from::Start;
use crate::rate::{RateSet, Rates};
use crate::{Confidence, Geo, Latency, Routing, Tier, UnitPrice};

pub(crate) mod tsv;

/// A row of a price table: one model, tier, date and context size, with one or more routings and regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The model id without geo prefix, or the full text of an opaque id.
    pub model: String,
    /// The regions that the row applies to.
    pub place: Place,
    /// The account of a private price. `None` means every account.
    pub account: Option<String>,
    /// The routings that the row applies to. For a geo profile it applies in the regions of that geography only.
    pub routings: Vec<Routing>,
    /// The service tier.
    pub tier: Tier,
    /// The latency mode.
    pub latency: Latency,
    /// The number of input tokens above which the row applies.
    pub context_over: u64,
    /// The first day. `None` means from the beginning.
    pub start: Option<Start>,
    /// The rates of tokens.
    pub rates: Rates,
    /// The rates that no source states for these regions and that a rule derived.
    pub derived: RateSet,
    /// The prices of other units.
    pub units: Vec<UnitPrice>,
    /// The source of the row.
    pub source: String,
    /// The day of the source's statement.
    pub as_of: String,
    /// How certain the row is.
    pub confidence: Confidence,
    /// The rules that derived the row.
    pub note: String,
}

/// The regions that a row applies to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A list of regions.
    Regions(Vec<String>),
    /// A geography, from a source that does not distinguish its regions.
    Geo(Geo),
    /// All regions, with the same price. In the bundled table, only those of AWS's commercial partition.
    Any,
}

impl Row {
    /// Returns the first region that the row names, or `None` if it names none.
    pub fn region(&self) -> Option<&str> {
        match &self.place {
            Place::Regions(regions) => regions.first().map(String::as_str),
            Place::Geo(_) | Place::Any => None,
        }
    }
}

impl Place {
    /// Creates a place from a region, or from `None` for all regions.
    pub fn of_region(region: Option<&str>) -> Self {
        region.map_or(Self::Any, |region| Self::Regions(vec![region.to_owned()]))
    }
}
