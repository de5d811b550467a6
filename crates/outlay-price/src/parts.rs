//! The parts of price tables, for the `outlay` program, which writes them. Not a stable interface: it may change in any
//! version.

pub use crate::catalog::{ANY_PROVISIONED, GUARDRAILS};
pub use crate::decimal::{Decimal, DecimalError};
pub use crate::effective_from::Start;
pub use crate::model::shorter_ids;
pub use crate::price::Step;
pub use crate::rate::{RATES, Rate, RateSet, Rates};
pub use crate::region::{UNNAMED, geos, is_callable, is_commercial};
pub use crate::row::tsv::File;
pub use crate::row::{Place, Row};
pub use crate::unit::{Conditions, UnitPriceError};
pub use crate::usage_type::base_id;
