use std::collections::BTreeMap;

use outlay_price::parts::Rates;
use outlay_price::{Tier, UnitPrice};

/// Token rates by the context size above which they apply.
pub(super) type StepRates = BTreeMap<u64, Rates>;

/// All prices that a source states for one id at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) tiers: BTreeMap<Tier, StepRates>,
    pub(super) units: BTreeMap<Tier, Vec<UnitPrice>>,
}
