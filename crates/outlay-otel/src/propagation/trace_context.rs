//! The parent span of a request, in the headers of W3C Trace Context: <https://www.w3.org/TR/trace-context/>.

use std::str::FromStr as _;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::carrier::{ReadCarrier, WriteCarrier};
use crate::names::wire;

/// Reads the parent span. Returns `None` if there is none, or it is invalid.
pub(super) fn read(carrier: &dyn ReadCarrier) -> Option<SpanContext> {
    let span = parse(&carrier.get(wire::TRACEPARENT)?)?;
    let state = carrier.get(wire::TRACESTATE).and_then(|state| TraceState::from_str(&state).ok()).unwrap_or_default();
    Some(SpanContext::new(span.trace_id(), span.span_id(), span.trace_flags(), true, state))
}

/// Parses a `traceparent`. Returns `None` if it is invalid.
pub(crate) fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.trim().split('-');
    let version = hex::<2>(parts.next()?).filter(|version| *version != "ff")?;
    let trace = TraceId::from_hex(hex::<32>(parts.next()?)?).ok()?;
    let span = SpanId::from_hex(hex::<16>(parts.next()?)?).ok()?;
    let flags = u8::from_str_radix(hex::<2>(parts.next()?)?, 16).ok()?;
    // Later versions may add parts.
    if version == "00" && parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    Some(SpanContext::new(trace, span, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

/// Returns the `traceparent` of a span.
pub(crate) fn format(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags() & TraceFlags::SAMPLED)
}

/// Writes the parent span, if it is valid.
pub(super) fn write(span: &SpanContext, carrier: &mut dyn WriteCarrier) {
    if span.is_valid() {
        carrier.set(wire::TRACEPARENT, format(span));
        let state = span.trace_state().header();
        if !state.is_empty() {
            carrier.set(wire::TRACESTATE, state);
        }
    }
}

/// Returns the text if it consists of `N` hexadecimal digits in lower case.
fn hex<const N: usize>(text: &str) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    Some(text).filter(|text| text.len() == N && text.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    fn carrier(traceparent: &str) -> HashMap<String, String> {
        HashMap::from([("traceparent".to_owned(), traceparent.to_owned())])
    }

    #[test]
    fn a_span_is_read_as_it_was_written() {
        let mut carrier = carrier(&format!("00-{TRACE}-03"));
        carrier.insert("tracestate".to_owned(), "a=1,b=2".to_owned());
        let span = read(&carrier).unwrap();
        assert!(span.is_sampled() && span.is_remote());
        let mut written = HashMap::new();
        write(&span, &mut written);
        assert_eq!(written["traceparent"], format!("00-{TRACE}-01"));
        assert_eq!(written["tracestate"], "a=1,b=2");
        assert_eq!(read(&written), Some(span));
    }

    #[test]
    fn an_invalid_span_is_not_read() {
        assert!(read(&carrier(&format!("cc-{TRACE}-00-what-the-future-adds"))).is_some());
        for invalid in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}"),
            format!("00-{TRACE}-01-more"),
            format!("ff-{TRACE}-01"),
            format!("0-{TRACE}-01"),
            format!("00-{TRACE}-1"),
            format!("00-{}-01", TRACE.to_uppercase()),
            format!("00-{}-{}-01", "0".repeat(32), "1".repeat(16)),
            format!("00-{}-{}-01", "1".repeat(32), "0".repeat(16)),
            format!("00-{TRACE}-01,00-{TRACE}-01"),
        ] {
            assert_eq!(read(&carrier(&invalid)), None, "{invalid}");
        }
    }

    #[test]
    fn an_invalid_state_does_not_hide_the_span() {
        let mut carrier = carrier(&format!("00-{TRACE}-01"));
        carrier.insert("tracestate".to_owned(), "=,=,no".to_owned());
        assert_eq!(read(&carrier).unwrap().trace_state(), &TraceState::default());
    }
}
