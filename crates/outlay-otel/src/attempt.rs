use std::time::SystemTime;

use opentelemetry::trace::{Span as _, SpanKind, Status};
use opentelemetry::{Context, KeyValue};
use outlay_ledger::AttemptRecord;

use crate::Scope;
use crate::names::{outlay, semconv};
use crate::span_attributes::push_own_identity;
use crate::tracer::start_builder;

/// Which attempts get a span of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptSpans {
    /// Those of calls that had more than one, or failed.
    #[default]
    Notable,
    /// All.
    All,
    /// None.
    Never,
}

/// One HTTP attempt of a call.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever sees the attempts builds them")]
pub struct Attempt {
    /// When it started.
    pub started: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// The request id that AWS gave it.
    pub request_id: Option<String>,
    /// The error by its short name, where there was one.
    pub error: Option<String>,
}

impl AttemptSpans {
    pub(crate) const fn wants(self, attempts: usize, failed: bool) -> bool {
        match self {
            Self::Notable => attempts > 1 || failed,
            Self::All => true,
            Self::Never => false,
        }
    }
}

impl Attempt {
    pub(crate) fn record(&self) -> AttemptRecord {
        AttemptRecord { status: self.status, error: self.error.as_deref().map(Into::into) }
    }

    /// Writes the attempt's span, below the call's.
    pub(crate) fn write(&self, number: usize, scope: &Scope, call: &Context) {
        let mut attributes = Vec::with_capacity(10);
        // No attempt carries a `gen_ai.*` key: viewers would take it for a call.
        push_own_identity(&mut attributes, scope);
        attributes.push(KeyValue::new(outlay::ATTEMPT_NUMBER, number as i64));
        if let Some(status) = self.status {
            attributes.push(KeyValue::new(semconv::HTTP_STATUS_CODE, i64::from(status)));
        }
        if let Some(id) = &self.request_id {
            attributes.push(KeyValue::new(semconv::AWS_REQUEST_ID, id.clone()));
        }
        if let Some(error) = &self.error {
            attributes.push(KeyValue::new(semconv::ERROR_TYPE, error.clone()));
        }
        let builder = start_builder("attempt".to_owned(), SpanKind::Internal, self.started).with_attributes(attributes);
        if let Some(mut span) = scope.engine().inner().spans.start(builder, call) {
            if let Some(error) = &self.error {
                span.set_status(Status::error(error.clone()));
            }
            span.end_with_timestamp(self.ended);
        }
    }
}
