//! HTTP headers as carriers.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use outlay_otel::names::wire;
use outlay_otel::{ExtractError, Incoming, RemoteWork, without_outlay};

pub(super) const RECEIPT: HeaderName = HeaderName::from_static(wire::RECEIPT);

/// The propagation headers of a request. The values of a repeated header are joined.
struct RequestHeaders {
    baggage: String,
    traceparent: Option<String>,
    tracestate: String,
}

impl RequestHeaders {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            baggage: joined(headers, wire::BAGGAGE),
            // Two values are ambiguous. Joined, they are invalid and ignored.
            traceparent: Some(joined(headers, wire::TRACEPARENT)).filter(|text| !text.is_empty()),
            tracestate: joined(headers, "tracestate"),
        }
    }
}

impl Extractor for RequestHeaders {
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

/// Reads the caller from the headers of a trusted request, for servers that are not made of `tower` services.
///
/// # Errors
///
/// Returns an [`ExtractError`] if the headers name no caller.
pub fn extract_trusted(headers: &HeaderMap) -> Result<Incoming, ExtractError> {
    Incoming::from_trusted(&RequestHeaders::of(headers))
}

/// Writes remote work into the headers of a request, for clients that are not `tower` services. The application's own trace
/// headers and baggage stay as they are.
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
/// // In the worker, if it trusts the caller:
/// let incoming = tower::extract_trusted(&headers)?;
/// let research = outlay.task("research").asked_by(&incoming).start();
/// research.finish(Outcome::success());
///
/// // Back in this process, with the response's header `outlay-receipt`:
/// work.receive(&research.receipt().to_string())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inject(work: &RemoteWork, headers: &mut HeaderMap) {
    let traceparent = headers.get(wire::TRACEPARENT).and_then(|value| value.to_str().ok());
    let keeps_trace = traceparent.is_some_and(|traceparent| work.is_below_the_task(traceparent));
    let existing = headers.contains_key(wire::BAGGAGE).then(|| joined(headers, wire::BAGGAGE));
    work.inject(&mut HeaderInjector { headers, keeps_trace });
    if let Some(baggage) = existing.and_then(|existing| work.baggage(&existing)) {
        set(headers, wire::BAGGAGE, &baggage);
    }
}

/// Removes Outlay's entries from the baggage, for a host that is not allowed: the application's own propagation may have
/// added them.
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

/// Writes to the headers of a request, and keeps the application's own trace headers if `keeps_trace` is set.
struct HeaderInjector<'a> {
    headers: &'a mut HeaderMap,
    keeps_trace: bool,
}

impl Injector for HeaderInjector<'_> {
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
