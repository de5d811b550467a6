use outlay_price::{CostStatus, UnitCount, Units};

/// The units that a request asks for: images, seconds or queries.
#[derive(Clone, Debug)]
pub(crate) struct RequestedUnits {
    /// The number of units, as far as the request gives it.
    pub(crate) likely: Units,
    /// The maximum number of units.
    pub(crate) most: Units,
    /// The status of a figure from these units once the request has been answered.
    pub(crate) status: CostStatus,
    /// Whether tokens are billed in addition.
    pub(crate) bills_tokens: bool,
    /// Whether the request has text.
    pub(crate) has_text: bool,
}

impl RequestedUnits {
    /// Creates a request for exactly this count and nothing else.
    pub(super) fn exactly(count: UnitCount) -> Self {
        let units = Units::from(count);
        Self { likely: units.clone(), most: units, status: CostStatus::Exact, bills_tokens: false, has_text: false }
    }

    pub(super) fn with_status(self, status: CostStatus) -> Self {
        Self { status: self.status.weakest(status), ..self }
    }
}

/// The units that an answer reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReportedUnits {
    pub(crate) images: Option<u64>,
    pub(crate) searches: Option<u64>,
}

impl ReportedUnits {
    /// Returns each count from the first of the two that has it.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { images: self.images.or(other.images), searches: self.searches.or(other.searches) }
    }
}
