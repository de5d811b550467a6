//! The cost of model calls on Amazon Bedrock: exact money, usage by kind, model ids, and a price
//! catalogue with a source for every row.
//!
//! Money is a whole number of 1e-12 US dollars ([`Usd`]). Prices are whole numbers of that unit per
//! token. Sums are therefore exact: no binary float is involved.
//!
//! ```
//! use outlay_price::{CacheTtl, CostStatus, ModelRef, PriceQuery, Prices, Usage};
//!
//! let prices = Prices::bundled();
//! let model = ModelRef::parse("us.anthropic.claude-sonnet-4-5-20250929-v1:0")?;
//! let at = "2026-11-20T12:00:00Z".parse()?;
//! let price = prices.lookup(&PriceQuery::new(model, at)).ok_or("unpriced")?;
//!
//! let usage = Usage::new()
//!     .with_uncached_input(1_000)
//!     .with_output(500)
//!     .with_cache_read(20_000)
//!     .with_cache_write(CacheTtl::FiveMinutes, 1_000)
//!     .with_cache_write(CacheTtl::OneHour, 3_000);
//! let charge = price.charge(&usage);
//! assert_eq!(charge.total().to_string(), "$0.042075");
//! assert_eq!(charge.status(), CostStatus::Exact);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Prices come from two sources, which [`Prices::over`] combines:
//!
//! - the bundled table ([`Prices::bundled`]);
//! - your own price files in TOML or JSON ([`Prices::from_path`]): private rates, optionally for a single account, prices
//!   of units and capacity, and discounts.
//!
//! [`Prices::diff`] compares two catalogues. [`Prices::what_if`] computes the cost of a recorded call under other
//! conditions. [`UsageType`] parses the usage types on AWS's bill.
//!
//! An unknown price is never zero: a lookup returns `None`, and a charge for usage without a rate is
//! [`CostStatus::Unpriced`].

#![deny(clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod catalog;
mod charge;
mod confidence;
mod cost_status;
mod decimal;
mod diff;
mod direction_totals;
mod discount;
mod effective_from;
mod family;
mod model;
mod price;
mod rate;
mod region;
mod routing;
mod row;
mod table;
mod tier;
mod timestamp;
mod tokenizer;
mod unit;
mod usage;
mod usage_type;
mod usd;
mod used;
mod user_file;
mod what_if;

#[doc(hidden)]
pub mod parts;

pub use catalog::{NamedModel, PriceQuery, Prices};
pub use charge::Charge;
pub use confidence::{Confidence, ParseConfidenceError};
pub use cost_status::CostStatus;
pub use diff::{ChangeKind, FieldChange, PriceChange, PriceDiff, PriceKey};
pub use direction_totals::DirectionTotals;
pub use family::Family;
pub use model::{ModelKind, ModelRef, ParseModelError};
pub use price::{CacheUse, Price};
pub use routing::{Geo, ParseRoutingError, Routing};
pub use tier::{Latency, ParseTierError, Tier};
pub use timestamp::{Timestamp, TimestampError};
pub use unit::{ParseUnitError, Unit, UnitCount, UnitPrice, Units};
pub use usage::{CacheTtl, Usage};
pub use usage_type::{BilledRouting, ParseUsageTypeError, TokenKind, UsageKind, UsageType};
pub use usd::{ParseUsdError, Usd};
pub use used::{GuardrailUse, Used};
pub use user_file::LoadPricesError;
pub use what_if::{Caching, Change, WhatIf};
