use opentelemetry::trace::{Span as _, SpanKind, Status};
use opentelemetry::{Context, KeyValue};

use super::attempt::Attempt;
use crate::end_span;
use crate::names::{outlay, semconv};
use crate::scope::{TracedScope, push_own_identity};
use crate::span_source::start_builder;
use crate::viewer_attributes::{SpanRole, push_kinds};

/// Writes the span of an attempt, below the call's span.
pub(super) fn write(attempt: &Attempt, number: usize, scope: &TracedScope, call: &Context) {
    let mut attributes = Vec::with_capacity(10);
    // An attempt has no `gen_ai.*` attribute: viewers would take it for a call.
    push_own_identity(&mut attributes, scope.in_ledger());
    attributes.push(KeyValue::new(outlay::ATTEMPT_NUMBER, number as i64));
    if let Some(status) = attempt.status {
        attributes.push(KeyValue::new(semconv::HTTP_STATUS_CODE, i64::from(status)));
    }
    if let Some(id) = &attempt.request_id {
        attributes.push(KeyValue::new(semconv::AWS_REQUEST_ID, id.clone()));
    }
    if let Some(error) = &attempt.error {
        attributes.push(KeyValue::new(semconv::ERROR_TYPE, error.clone()));
    }
    push_kinds(&scope.core().viewers, &mut attributes, SpanRole::Attempt);
    let builder = start_builder("attempt".to_owned(), SpanKind::Internal, attempt.started).with_attributes(attributes);
    if let Some(mut span) = scope.core().spans.start(builder, call) {
        if let Some(error) = &attempt.error {
            span.set_status(Status::error(error.clone()));
        }
        end_span::end(span, attempt.started, attempt.ended);
    }
}
