//! Serialization for the application's own logs and answers. Money is decimal text, because most readers would parse a JSON
//! number as a double. Unknown figures are `null`, never zero.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::SystemTime;

use outlay_price::{Timestamp, Usage, Usd};
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    AlertKind, Amount, BudgetExceeded, BudgetStatus, Dimensions, KindTotals, ModelTotals, RefusalReason, TaskId, Totals,
};

#[derive(Serialize)]
struct TotalsJson<'a> {
    usd: Option<Usd>,
    status: &'static str,
    exact_usd: Usd,
    estimated_usd: Usd,
    bounded_usd: Usd,
    failed_usd: Usd,
    remote_usd: Usd,
    cache_savings_usd: Usd,
    #[serde(flatten)]
    tokens: TokensJson,
    calls: u64,
    attempts: u64,
    failed_calls: u64,
    refusals: u64,
    unpriced_calls: u64,
    pending_calls: u64,
    pending_receipts: u64,
    lost_receipts: u64,
    turns: u64,
    by_direction: BTreeMap<&'static str, Usd>,
    by_kind: &'a [KindTotals],
    by_model: &'a [ModelTotals],
}

#[derive(Serialize)]
struct TokensJson {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
}

impl TokensJson {
    fn of(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens(),
            output_tokens: usage.output_tokens(),
            cache_read_tokens: usage.cache_read_tokens(),
            cache_write_tokens: usage.cache_write_tokens(),
            reasoning_tokens: usage.reasoning_tokens(),
        }
    }
}

impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = TotalsJson {
            usd: self.cost().usd(),
            status: self.cost().status().as_str(),
            exact_usd: self.exact(),
            estimated_usd: self.estimated(),
            bounded_usd: self.bounded(),
            failed_usd: self.failed_cost(),
            remote_usd: self.remote(),
            cache_savings_usd: self.cache_savings(),
            tokens: TokensJson::of(self.usage()),
            calls: self.calls(),
            attempts: self.attempts(),
            failed_calls: self.failed_calls(),
            refusals: self.refusals(),
            unpriced_calls: self.unpriced_calls(),
            pending_calls: self.pending_calls(),
            pending_receipts: self.pending_receipts(),
            lost_receipts: self.lost_receipts(),
            turns: self.turns(),
            by_direction: self.by_direction().parts().into(),
            by_kind: self.by_kind(),
            by_model: self.by_model(),
        };
        json.serialize(serializer)
    }
}

impl Serialize for KindTotals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            kind: &'a str,
            usd: Usd,
            calls: u64,
        }
        Json { kind: self.kind.as_str(), usd: self.cost, calls: self.calls }.serialize(serializer)
    }
}

impl Serialize for ModelTotals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            model: &'a str,
            /// `None` if no call of the model is priced.
            usd: Option<Usd>,
            calls: u64,
            unpriced_calls: u64,
            #[serde(flatten)]
            tokens: TokensJson,
        }
        let is_known = self.unpriced_calls < self.calls || !self.cost.is_zero();
        let json = Json {
            model: &self.model,
            usd: Some(self.cost).filter(|_| is_known),
            calls: self.calls,
            unpriced_calls: self.unpriced_calls,
            tokens: TokensJson::of(&self.usage),
        };
        json.serialize(serializer)
    }
}

/// `{"usd": "0.5"}`, `{"tokens": 1000}`, `{"calls": 3}` or `{"turns": 8}`.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Usd(usd) => map.serialize_entry(self.unit(), usd)?,
            Self::Tokens(count) | Self::Calls(count) | Self::Turns(count) => map.serialize_entry(self.unit(), count)?,
        }
        map.end()
    }
}

impl Serialize for BudgetStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json {
            limit: Amount,
            spent: Amount,
            reserved: Amount,
            refused: u64,
            would_refuse: u64,
        }
        let Self { limit, spent, reserved, refused, would_refuse } = *self;
        Json { limit, spent, reserved, refused, would_refuse }.serialize(serializer)
    }
}

impl Serialize for BudgetExceeded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            rule: Option<&'a str>,
            budget: &'a str,
            key: BTreeMap<&'a str, Cow<'a, str>>,
            period: Option<&'static str>,
            #[serde(serialize_with = "optional_time")]
            resets_at: Option<SystemTime>,
            limit: Amount,
            spent: Amount,
            reserved: Amount,
            model: &'a str,
            reason: &'static str,
        }
        let json = Json {
            rule: self.rule(),
            budget: self.budget(),
            key: self.key().collect(),
            period: self.period().map(|period| period.as_str()),
            resets_at: self.resets_at(),
            limit: self.limit(),
            spent: self.spent(),
            reserved: self.reserved(),
            model: self.model(),
            reason: match self.reason() {
                RefusalReason::OverLimit { .. } => "over_limit",
                RefusalReason::Unpriced => "unpriced",
                RefusalReason::StoreUnavailable => "store_unavailable",
            },
        };
        json.serialize(serializer)
    }
}

/// The kind, and what else is known of it.
impl Serialize for AlertKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::SoftLimit(status) => {
                map.serialize_entry("kind", "soft_limit")?;
                map.serialize_entry("budget", status)?;
            }
            Self::Refused(refusal) => {
                map.serialize_entry("kind", "refused")?;
                map.serialize_entry("refusal", refusal)?;
            }
            Self::WouldRefuse(refusal) => {
                map.serialize_entry("kind", "would_refuse")?;
                map.serialize_entry("refusal", refusal)?;
            }
            Self::Stopped(stopped) => {
                map.serialize_entry("kind", "stopped")?;
                map.serialize_entry("text", &stopped.to_string())?;
            }
            Self::Runaway(sign) => {
                map.serialize_entry("kind", "runaway")?;
                map.serialize_entry("sign", sign.as_str())?;
            }
            Self::BudgetsForgotten(count) => {
                map.serialize_entry("kind", "budgets_forgotten")?;
                map.serialize_entry("count", count)?;
            }
            Self::TooManyBudgets(count) => {
                map.serialize_entry("kind", "too_many_budgets")?;
                map.serialize_entry("count", count)?;
            }
            Self::Violation(found) => {
                map.serialize_entry("kind", "violation")?;
                map.serialize_entry("rule", found.rule())?;
                map.serialize_entry("text", &found.to_string())?;
            }
        }
        map.end()
    }
}

/// Each dimension by its name. A custom one has its own key.
impl Serialize for Dimensions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.known().map(|(dimension, value)| (dimension.as_str(), &**value));
        let custom = self.custom().map(|(key, value)| (&**key, &**value));
        serializer.collect_map(known.chain(custom))
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Writes a time as in RFC 3339.
#[doc(hidden)]
pub fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Timestamp::try_from(*time).map_err(S::Error::custom)?)
}

fn optional_time<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => time(at, serializer),
        None => serializer.serialize_none(),
    }
}
