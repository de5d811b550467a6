//! Settings and names of spans and metrics.
//!
//! Outlay uses the crate `opentelemetry`, whose version is below 1.0. What names a type of it is in this module, except for
//! [`OutlayBuilder::tracer_provider`](crate::OutlayBuilder::tracer_provider) and
//! [`OutlayBuilder::meter_provider`](crate::OutlayBuilder::meter_provider). They move with `opentelemetry`: a release of
//! Outlay that updates it is not compatible with the one before.

pub use outlay_otel::{AttemptSpans, Operation, Semconv, Viewer, names};
