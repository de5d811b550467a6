//! Metrics, recorded from the books: neither sampling nor log filters touch them.

mod cost;

use std::sync::OnceLock;

use opentelemetry::metrics::{Histogram, Meter, MeterProvider, ObservableCounter};
use opentelemetry::{KeyValue, global};
use outlay_price::Charge;

use crate::Scope;
use crate::call::SettledCall;
use crate::names::{metric, semconv};
use crate::tracer::instrumentation_scope;

use cost::CostSeries;

/// The conventions' bucket bounds for token counts.
const TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// The conventions' bucket bounds for durations, in seconds.
const DURATION_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// The SDK adds token counts up unchecked: as many as no call has, and few enough to be added up for ever.
const MAX_TOKENS: u64 = 1 << 40;

/// The instruments, made at first use.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    given: Option<Meter>,
    cost: CostSeries,
    instruments: OnceLock<Instruments>,
}

#[derive(Debug)]
struct Instruments {
    /// It is asked, not told; it lives as long as the others.
    _cost: ObservableCounter<f64>,
    token_usage: Histogram<u64>,
    duration: Histogram<f64>,
    time_to_first_chunk: Histogram<f64>,
}

impl Metrics {
    pub(crate) fn global() -> Self {
        Self::default()
    }

    pub(crate) fn given(provider: &dyn MeterProvider) -> Self {
        Self { given: Some(provider.meter_with_scope(instrumentation_scope())), ..Self::default() }
    }

    pub(crate) fn record_call(&self, call: &SettledCall) {
        let instruments = self.instruments();
        if !call.start.operation.is_free() {
            self.cost.add(&call.scope, Some(&call.start.model), &call.charge);
        }
        let mut attributes = gen_ai_attributes(call);
        if let Some(usage) = call.end.billed.tokens() {
            for (kind, tokens) in [("input", usage.input_tokens()), ("output", usage.output_tokens())] {
                attributes.push(KeyValue::new(semconv::TOKEN_TYPE, kind));
                instruments.token_usage.record(tokens.min(MAX_TOKENS), &attributes);
                attributes.pop();
            }
        }
        if let Some(first) = call.end.time_to_first_chunk {
            instruments.time_to_first_chunk.record(first.as_secs_f64(), &attributes);
        }
        if let Some(error) = &call.end.error {
            attributes.push(KeyValue::new(semconv::ERROR_TYPE, error.clone()));
        }
        let duration = call.ended.duration_since(call.start.started).unwrap_or_default();
        instruments.duration.record(duration.as_secs_f64(), &attributes);
    }

    pub(crate) fn record_charge(&self, scope: &Scope, charge: &Charge) {
        let _ = self.instruments();
        self.cost.add(scope, None, charge);
    }

    fn instruments(&self) -> &Instruments {
        self.instruments.get_or_init(|| match &self.given {
            Some(meter) => Instruments::new(meter, &self.cost),
            None => Instruments::new(&global::meter_with_scope(instrumentation_scope()), &self.cost),
        })
    }
}

impl Instruments {
    fn new(meter: &Meter, cost: &CostSeries) -> Self {
        Self {
            _cost: cost.register(meter),
            token_usage: meter
                .u64_histogram(metric::TOKEN_USAGE)
                .with_unit("{token}")
                .with_description("Number of input and output tokens used.")
                .with_boundaries(TOKEN_BOUNDS.to_vec())
                .build(),
            duration: meter
                .f64_histogram(metric::OPERATION_DURATION)
                .with_unit("s")
                .with_description("GenAI operation duration.")
                .with_boundaries(DURATION_BOUNDS.to_vec())
                .build(),
            time_to_first_chunk: meter
                .f64_histogram(metric::TIME_TO_FIRST_CHUNK)
                .with_unit("s")
                .with_description("Time from the request to the first chunk of the response.")
                .with_boundaries(DURATION_BOUNDS.to_vec())
                .build(),
        }
    }
}

fn gen_ai_attributes(call: &SettledCall) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(8);
    attributes.push(KeyValue::new(semconv::OPERATION_NAME, call.start.operation.as_str()));
    attributes.push(KeyValue::new(semconv::PROVIDER_NAME, semconv::AWS_BEDROCK));
    if call.start.operation.has_model() {
        attributes.push(KeyValue::new(semconv::REQUEST_MODEL, call.start.model.clone()));
    }
    if let Some(model) = &call.end.response_model {
        attributes.push(KeyValue::new(semconv::RESPONSE_MODEL, model.clone()));
    }
    if let Some(address) = &call.end.server_address {
        attributes.push(KeyValue::new(semconv::SERVER_ADDRESS, address.clone()));
    }
    if let Some(port) = call.end.server_port {
        attributes.push(KeyValue::new(semconv::SERVER_PORT, i64::from(port)));
    }
    attributes
}
