//! Tokens with which another process sets the outcome of a task.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use opentelemetry::trace::SpanContext;
use outlay_ledger::{Caller, Cost, Dimensions, Outcome, OutcomeId, TaskId};
use outlay_price::{CostStatus, Usd};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::propagation::trace_context;

/// The maximum length of a token in bytes. One with all dimensions at their maximum length is shorter.
const MAX_LENGTH: usize = 64 * 1024;
/// The maximum amount of money: one billion dollars.
const MAX_AMOUNT: Usd = Usd::from_dollars(1_000_000_000);
const PREFIX: &str = "outlay1";

/// The task of an [`OutcomeToken`], as it was when the token was made. `Display` writes the token as one line of URL-safe
/// text.
///
/// A token holds the id and the name of the task, its span and its outcome so far. Whoever holds the text can read them,
/// whether it is signed or not.
#[derive(Clone, Debug)]
#[must_use = "a token has to be stored with the answer"]
pub struct OutcomeToken {
    task: TaskFacts,
    dimensions: Arc<Dimensions>,
    total: Cost,
    has_dimensions: bool,
    has_cost: bool,
    key: Option<OutcomeKey>,
}

/// What a token says about its task.
#[derive(Clone, Debug)]
pub(crate) struct TaskFacts {
    pub(crate) token: OutcomeId,
    pub(crate) id: TaskId,
    pub(crate) name: Arc<str>,
    pub(crate) span: Option<SpanContext>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) dimensions: Dimensions,
    pub(crate) cost: Option<(Option<Usd>, CostStatus)>,
    /// Seconds since 1970.
    pub(crate) expires: u64,
}

/// A key that signs tokens, and verifies them.
#[derive(Clone)]
pub struct OutcomeKey(Hmac<Sha256>);

/// The error for a key that is too short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key for outcome tokens has {0} bytes: use at least 16 random bytes")]
pub struct OutcomeKeyError(usize);

/// The error for a text that is not a valid token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeTokenError {
    /// It is not a token.
    #[error("not an outcome token: {0}")]
    Malformed(Box<str>),
    /// It has no signature, and this process requires one.
    #[error(
        "the outcome token is not signed, but this process has a key: give the process that makes tokens the same key"
    )]
    Unsigned,
    /// It has a signature, and this process has no key to verify it.
    #[error("the outcome token is signed, but this process has no key to verify it: set OutlayBuilder::outcome_key")]
    NoKey,
    /// The signature is not that of the key.
    #[error("the outcome token was changed, or signed with another key")]
    BadSignature,
    /// Its time is over.
    #[error("the outcome token has expired")]
    Expired,
}

/// Version 1 of the format. Unknown fields are ignored, so that later versions can add some.
#[derive(Serialize, Deserialize)]
struct TokenJson {
    /// The id of the token.
    i: String,
    /// The id of the task.
    t: String,
    n: String,
    /// When the token expires, in seconds since 1970.
    x: u64,
    /// The task's span, as a `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<String>,
    /// The outcome so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<OutcomeJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    d: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<CostJson>,
}

#[derive(Serialize, Deserialize)]
struct OutcomeJson {
    kind: String,
    /// In 1e-12 dollars, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picousd: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CostJson {
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picousd: Option<String>,
}

impl OutcomeToken {
    /// Returns a token for a task with these dimensions and this cost.
    pub(crate) fn new(task: TaskFacts, dimensions: Arc<Dimensions>, total: Cost, key: Option<OutcomeKey>) -> Self {
        Self { task, dimensions, total, has_dimensions: false, has_cost: false, key }
    }

    /// Sets the outcome that the task has or will have, such as the one with which it is finished after the token was made.
    /// A later outcome then replaces this one in the metrics. Defaults to the outcome so far. If that is not set, metrics
    /// count the later outcome as revised from `unknown`.
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.task.outcome = Some(outcome);
        self
    }

    /// Adds the task's dimensions. Without them, the later outcome has no team, workflow or other dimension in the metrics.
    /// Whoever holds the token can read them. Defaults to leaving them out.
    pub const fn with_dimensions(mut self) -> Self {
        self.has_dimensions = true;
        self
    }

    /// Adds what the task has cost so far, for the span of the outcome. Whoever holds the token can read it. Defaults to
    /// leaving it out.
    pub const fn with_cost(mut self) -> Self {
        self.has_cost = true;
        self
    }

    fn json(&self) -> TokenJson {
        let picousd = |usd: Usd| usd.picos().to_string();
        let own = self.dimensions.custom().map(|(key, value)| (format!("dim.{key}"), value.to_string()));
        let known =
            self.dimensions.known().map(|(dimension, value)| (dimension.as_str().to_owned(), value.to_string()));
        TokenJson {
            i: self.task.token.to_string(),
            t: self.task.id.to_string(),
            n: self.task.name.to_string(),
            x: self.task.expires,
            s: self.task.span.as_ref().map(trace_context::format),
            o: self.task.outcome.map(|outcome| OutcomeJson {
                kind: outcome.kind().as_str().to_owned(),
                picousd: outcome.value_usd().map(picousd),
            }),
            d: if self.has_dimensions { known.chain(own).collect() } else { BTreeMap::new() },
            c: self.has_cost.then(|| CostJson {
                status: self.total.status().as_str().to_owned(),
                picousd: self.total.usd().map(picousd),
            }),
        }
    }
}

impl fmt::Display for OutcomeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.json()).map_err(|_| fmt::Error)?;
        let signed = format!("{PREFIX}.{}", URL_SAFE_NO_PAD.encode_to_string(json));
        f.write_str(&signed)?;
        match &self.key {
            Some(key) => write!(f, ".{}", URL_SAFE_NO_PAD.encode_to_string(key.mac(&signed).finalize().into_bytes())),
            None => Ok(()),
        }
    }
}

impl OutcomeKey {
    /// Returns the key with these bytes. All processes that make or redeem tokens need the same one.
    ///
    /// # Errors
    ///
    /// Returns an [`OutcomeKeyError`] if there are fewer than 16 bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, OutcomeKeyError> {
        let bytes = bytes.as_ref();
        // HMAC itself takes keys of any length.
        let mac = Some(bytes).filter(|bytes| bytes.len() >= 16).and_then(|bytes| Hmac::new_from_slice(bytes).ok());
        mac.map(Self).ok_or(OutcomeKeyError(bytes.len()))
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(signed.as_bytes());
        mac
    }
}

impl fmt::Debug for OutcomeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutcomeKey(..)")
    }
}

/// The settings of tokens.
#[derive(Clone, Debug, Default)]
pub struct TokenSettings {
    /// The key that signs tokens. With one, only signed tokens are accepted. Defaults to none.
    pub key: Option<OutcomeKey>,
    /// How long a token is valid. Defaults to 30 days.
    pub lifetime: Option<Duration>,
}

impl TokenSettings {
    const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3_600);

    /// Returns when a token expires that is made now, in seconds since 1970.
    pub(crate) fn expires(&self, now: SystemTime) -> u64 {
        now.checked_add(self.lifetime.unwrap_or(Self::LIFETIME)).map_or(u64::MAX, seconds)
    }

    /// Reads a token, and verifies its signature and its time.
    pub(crate) fn read(&self, text: &str, now: SystemTime) -> Result<TaskFacts, OutcomeTokenError> {
        let malformed = |problem: &str| OutcomeTokenError::Malformed(problem.into());
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(malformed(&format!("{} bytes, and the maximum is {MAX_LENGTH}", text.len())));
        }
        let mut parts = text.split('.');
        let (Some(PREFIX), Some(payload), signature, None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("expected `outlay1.` and one or two parts in base64url, with a dot between them"));
        };
        match (&self.key, signature) {
            (None, None) => {}
            (Some(_), None) => return Err(OutcomeTokenError::Unsigned),
            (None, Some(_)) => return Err(OutcomeTokenError::NoKey),
            (Some(key), Some(signature)) => {
                let signature =
                    URL_SAFE_NO_PAD.decode_to_vec(signature).map_err(|_| OutcomeTokenError::BadSignature)?;
                let mac = key.mac(&format!("{PREFIX}.{payload}"));
                mac.verify_slice(&signature).map_err(|_| OutcomeTokenError::BadSignature)?;
            }
        }
        let json = URL_SAFE_NO_PAD.decode_to_vec(payload).map_err(|_| malformed("it is not base64url"))?;
        let json: TokenJson = serde_json::from_slice(&json).map_err(|error| malformed(&error.to_string()))?;
        let facts = json.into_facts().map_err(OutcomeTokenError::Malformed)?;
        if facts.expires <= seconds(now) { Err(OutcomeTokenError::Expired) } else { Ok(facts) }
    }
}

impl TokenJson {
    fn into_facts(self) -> Result<TaskFacts, Box<str>> {
        let money = |text: Option<String>| -> Result<Option<Usd>, Box<str>> {
            let usd = text.map(|text| {
                let usd = text.parse().ok().map(Usd::from_picos);
                usd.filter(|usd| *usd <= MAX_AMOUNT && *usd >= Usd::ZERO.saturating_sub(MAX_AMOUNT))
                    .ok_or("an amount is invalid")
            });
            Ok(usd.transpose()?)
        };
        let id: TaskId = self.t.parse().map_err(|error: outlay_ledger::ParseIdError| error.to_string())?;
        let token = self.i.parse().map_err(|error: outlay_ledger::ParseIdError| error.to_string())?;
        let mut dimensions = Dimensions::default();
        for (key, value) in &self.d {
            match key.strip_prefix("dim.") {
                Some(own) => dimensions.set_custom(own, value),
                None if outlay_ledger::Dimension::from_name(key).is_some() => dimensions.set_named(key, value),
                None => {}
            }
        }
        let outcome = self.o.map(|outcome| -> Result<Outcome, Box<str>> {
            let kind = match &*outcome.kind {
                "success" => Outcome::success(),
                "failure" => Outcome::failure(),
                "abandoned" => Outcome::abandoned(),
                _ => return Err("the kind of the outcome is not known".into()),
            };
            Ok(money(outcome.picousd)?.map_or(kind, |value| kind.value(value)))
        });
        let cost = self.c.map(|cost| -> Result<_, Box<str>> {
            let status = CostStatus::from_name(&cost.status).ok_or("the status of the cost is not known")?;
            Ok((money(cost.picousd)?, status))
        });
        Ok(TaskFacts {
            token,
            id,
            // Cleaned and cut like all names.
            name: Caller::new(id, &self.n).task_name().clone(),
            span: self.s.as_deref().and_then(trace_context::parse),
            outcome: outcome.transpose()?,
            dimensions,
            cost: cost.transpose()?,
            expires: self.x,
        })
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
