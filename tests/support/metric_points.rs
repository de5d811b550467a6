use std::collections::BTreeMap;

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPoint {
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// The value of a counter or a gauge, or the sum of a histogram.
    pub value: f64,
    /// The number of recordings in a histogram; 0 for a counter or a gauge.
    pub count: u64,
}

impl MetricPoint {
    /// Returns the text of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }
}

/// Returns the points of the last export. Points are cumulative.
pub(crate) fn latest(exports: &[ResourceMetrics]) -> Vec<MetricPoint> {
    exports.last().map(read_points).unwrap_or_default()
}

/// Returns the points of one export.
pub fn read_points(export: &ResourceMetrics) -> Vec<MetricPoint> {
    let metrics = export.scope_metrics().flat_map(|scope| scope.metrics());
    metrics.flat_map(|metric| points(metric.name(), metric.unit(), metric.data())).collect()
}

fn points(name: &str, unit: &str, data: &AggregatedMetrics) -> Vec<MetricPoint> {
    macro_rules! read {
        ($data:expr) => {
            match $data {
                MetricData::Sum(sum) => {
                    sum.data_points().map(|p| point(name, unit, p.attributes(), p.value() as f64, 0)).collect()
                }
                MetricData::Histogram(histogram) => histogram
                    .data_points()
                    .map(|p| point(name, unit, p.attributes(), p.sum() as f64, p.count()))
                    .collect(),
                MetricData::Gauge(gauge) => {
                    gauge.data_points().map(|p| point(name, unit, p.attributes(), p.value() as f64, 0)).collect()
                }
                _ => Vec::new(),
            }
        };
    }
    match data {
        AggregatedMetrics::F64(data) => read!(data),
        AggregatedMetrics::U64(data) => read!(data),
        AggregatedMetrics::I64(data) => read!(data),
    }
}

fn point<'a>(
    name: &str,
    unit: &str,
    attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>,
    value: f64,
    count: u64,
) -> MetricPoint {
    MetricPoint {
        name: name.to_owned(),
        unit: unit.to_owned(),
        attributes: attributes.map(|a| (a.key.to_string(), a.value.to_string())).collect(),
        value,
        count,
    }
}
