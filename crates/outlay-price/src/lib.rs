//! What a model call on Amazon Bedrock costs: exact money, usage by kind, model ids, and a price
//! catalogue whose every row says where it is from.
//!
//! Money is a whole number of 1e-12 US dollars ([`Usd`]), and prices are whole numbers of that per
//! token, so that sums are exact and nothing is lost in a binary float.
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
//! Prices come from two places, which [`Prices::over`] lays over one another:
//!
//! - the bundled table ([`Prices::bundled`]);
//! - price files of your own in TOML or JSON ([`Prices::from_path`]): private rates, also of one account, prices of units
//!   and capacity, and discounts.
//!
//! [`Prices::diff`] tells what differs between two catalogues, [`Prices::what_if`] what a recorded usage would have cost
//! otherwise, and [`UsageType`] takes the lines of AWS's bill apart.
//!
//! What has no known price is never zero: a lookup gives `None`, and a charge with a part that has
//! no rate is [`CostStatus::Unpriced`].

#![deny(clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod catalog;
mod charge;
mod confidence;
mod decimal;
mod diff;
mod discount;
mod family;
mod model;
mod price;
mod rate;
mod region;
mod routing;
mod row;
mod start;
mod status;
mod table;
mod tier;
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
pub use diff::{ChangeKind, FieldChange, PriceChange, PriceDiff, PriceKey};
pub use family::Family;
pub use model::{ModelKind, ModelRef, ParseModelError};
pub use price::{CacheUse, Price};
pub use routing::{Geo, ParseRoutingError, Routing};
pub use status::CostStatus;
pub use tier::{Latency, ParseTierError, Tier};
pub use unit::{ParseUnitError, Unit, UnitCount, UnitPrice, Units};
pub use usage::{CacheTtl, Usage};
pub use usage_type::{BilledRouting, ParseUsageTypeError, TokenKind, UsageKind, UsageType};
pub use usd::{ParseUsdError, Usd};
pub use used::{GuardrailUse, Used};
pub use user_file::LoadPricesError;
pub use what_if::{Caching, Change, WhatIf};
