//! HTTP's headers as carriers.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use outlay_otel::names::wire;
use outlay_otel::{ExtractError, Incoming, RemoteWork, without_outlay};

pub(super) const RECEIPT: HeaderName = HeaderName::from_static(wire::RECEIPT);

/// Reads the headers of a request. A header that is there several times is one list.
struct Carried {
    baggage: String,
    traceparent: Option<String>,
    tracestate: String,
}

impl Carried {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            baggage: joined(headers, wire::BAGGAGE),
            // Of two there is no telling which one holds.
            traceparent: Some(joined(headers, wire::TRACEPARENT)).filter(|text| !text.is_empty()),
            tracestate: joined(headers, "tracestate"),
        }
    }
}

impl Extractor for Carried {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            wire::BAGGAGE => Some(&self.baggage),
            wire::TRACEPARENT => self.traceparent.as_deref(),
            "tracestate" => Some(&self.tracestate),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![wire::BAGGAGE, wire::TRACEPARENT, "tracestate"]
    }
}

/// Reads whose work a request is from its headers, which are believed: for servers that are not made of `tower` services.
///
/// # Errors
///
/// [`ExtractError`] where they do not say so.
pub fn extract_trusted(headers: &HeaderMap) -> Result<Incoming, ExtractError> {
    Incoming::from_trusted(&Carried::of(headers))
}

/// Writes whose work it is into the headers of a request: for clients that are no `tower` services. What the application has
/// said of the trace stays as it is, and so does its baggage.
///
/// ```
/// use outlay::{Outcome, Outlay, tower};
///
/// let outlay = Outlay::builder().build();
/// let task = outlay.task("resolve-ticket").start();
/// let work = task.run_sync(|| outlay::remote("worker.internal"));
/// let mut headers = http::HeaderMap::new();
/// tower::inject(&work, &mut headers);
///
/// // In the worker, of a caller that it trusts:
/// let incoming = tower::extract_trusted(&headers)?;
/// let research = outlay.task("research").asked_by(&incoming).start();
/// research.finish(Outcome::success());
///
/// // Back here, with the header `outlay-receipt` of the response:
/// work.receive(&research.receipt().to_string())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inject(work: &RemoteWork, headers: &mut HeaderMap) {
    let own = headers.get(wire::TRACEPARENT).and_then(|value| value.to_str().ok());
    let keeps_trace = own.is_some_and(|traceparent| work.is_below_the_task(traceparent));
    let already = headers.contains_key(wire::BAGGAGE).then(|| joined(headers, wire::BAGGAGE));
    work.inject(&mut Outgoing { headers, keeps_trace });
    if let Some(baggage) = already.and_then(|already| work.baggage(&already)) {
        set(headers, wire::BAGGAGE, &baggage);
    }
}

/// Takes out what the application's own propagation hands on of Outlay, for a host that is not to know.
pub(super) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(wire::BAGGAGE)
        && let Some(rest) = without_outlay(&joined(headers, wire::BAGGAGE))
    {
        headers.remove(wire::BAGGAGE);
        if !rest.is_empty() {
            set(headers, wire::BAGGAGE, &rest);
        }
    }
}

struct Outgoing<'a> {
    headers: &'a mut HeaderMap,
    keeps_trace: bool,
}

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key == wire::BAGGAGE || (!self.keeps_trace && !value.is_empty()) {
            set(self.headers, key, &value);
        }
    }
}

fn set(headers: &mut HeaderMap, key: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

fn joined(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}
