/// An error from [`init`](super::init).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// `OTEL_EXPORTER_OTLP_PROTOCOL` names a protocol that is not built in.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is `{0}`; expected: grpc, http/protobuf")]
    Protocol(String),
    /// A variable has a value that the quick start does not support.
    #[error("{name} is `{value}`; expected: {expected}")]
    Unsupported {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
        /// The values that are supported.
        expected: &'static str,
    },
    /// The endpoint requires TLS, which the quick start does not support.
    #[error(
        "the OTLP endpoint {0} is https, which this quick start does not support: send to a collector over http, or set \
         up your own providers and pass them to Outlay::builder()"
    )]
    Https(String),
    /// An exporter could not be built, because of its endpoint or its headers.
    #[error("the OTLP exporter for {signal} could not be built: check OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS")]
    Exporter {
        /// `traces` or `metrics`.
        signal: &'static str,
        /// The exporter's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
