//! What price tables are made of, for the program `outlay`, which writes them. No stable interface: any version may change
//! it.

pub use crate::catalog::{ANY_PROVISIONED, GUARDRAILS};
pub use crate::decimal::{Decimal, DecimalError};
pub use crate::model::shorter_ids;
pub use crate::price::Step;
pub use crate::rate::{RATES, Rate, RateSet, Rates};
pub use crate::region::{UNNAMED, geos, is_callable, is_commercial};
pub use crate::row::tsv::File;
pub use crate::row::{Place, Row};
pub use crate::start::Start;
pub use crate::unit::{Conditions, UnitPriceError};
pub use crate::usage_type::base_id;
