use crate::rate::{RateSet, Rates};
use crate::start::Start;
use crate::{Confidence, Geo, Latency, Routing, Tier, UnitPrice};

pub(crate) mod tsv;

/// One line of a price table: one model, tier, date and context size, on some roads and in some regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Without geo prefix; or the full text of an opaque id.
    pub model: String,
    /// Where it holds.
    pub place: Place,
    /// The account whose private price it is; `None` is every account.
    pub account: Option<String>,
    /// The roads that it is of. Of a geo profile it holds in the regions of that geography.
    pub routings: Vec<Routing>,
    /// The service tier.
    pub tier: Tier,
    /// The latency mode.
    pub latency: Latency,
    /// Holds for calls with more input tokens than this.
    pub context_over: u64,
    /// `None` is since ever.
    pub start: Option<Start>,
    /// What tokens cost.
    pub rates: Rates,
    /// The rates that nobody stated for these regions, and that a rule derived.
    pub derived: RateSet,
    /// What other units cost.
    pub units: Vec<UnitPrice>,
    /// Who said so.
    pub source: String,
    /// The day on which the source said so.
    pub as_of: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The rules that made it.
    pub note: String,
}

/// The regions that a price was stated for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// These.
    Regions(Vec<String>),
    /// A geography, by a source that does not tell its regions apart.
    Geo(Geo),
    /// All: of the bundled table those of AWS's commercial partition, in which the price is the same.
    Any,
}

impl Row {
    /// The only region that it is of.
    pub fn region(&self) -> Option<&str> {
        match &self.place {
            Place::Regions(regions) => regions.first().map(String::as_str),
            Place::Geo(_) | Place::Any => None,
        }
    }
}

impl Place {
    /// A region, or all where there is none.
    pub fn of_region(region: Option<&str>) -> Self {
        region.map_or(Self::Any, |region| Self::Regions(vec![region.to_owned()]))
    }
}
