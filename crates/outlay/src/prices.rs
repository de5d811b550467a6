//! Price tables, models and billed usage.
//!
//! Prices are bundled. [`Prices::from_path`] adds a file of your own.

pub use outlay_otel::{ModelAnswer, ResolveModel};
pub use outlay_price::{
    BilledRouting, CacheTtl, CacheUse, Caching, Change, ChangeKind, Charge, Confidence, Family, FieldChange, Geo,
    GuardrailUse, Latency, LoadPricesError, ModelKind, ModelRef, NamedModel, ParseConfidenceError, ParseModelError,
    ParseRoutingError, ParseTierError, ParseUnitError, ParseUsageTypeError, ParseUsdError, Price, PriceChange,
    PriceDiff, PriceKey, PriceQuery, Routing, Tier, Timestamp, TimestampError, TokenKind, Unit, UnitCount, UnitPrice,
    Units, UsageKind, UsageType, Used, WhatIf,
};

#[doc(no_inline)]
pub use crate::{Prices, Usage, Usd};
