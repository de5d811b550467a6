//! The correction of a job's charge when the job has failed.

use opentelemetry::{Context, KeyValue};
use outlay_price::Usd;

use crate::attribute_values::{picousd, usd};
use crate::core::Core;
use crate::instant_span;
use crate::names::outlay;
use crate::registry::JobEnd;

/// The name of the correction.
const JOB: &str = "async-invoke";

/// Handles the end of a job. Only the first report counts, and only for a job that a call of this engine started.
///
/// The correction has a span of its own, linked to the task. It is outside the task's total, because the task may have
/// ended long ago. Metrics are monotonic and keep what they counted.
pub(super) fn end_job(core: &Core, arn: &str, end: JobEnd) {
    let Some(job) = core.jobs.close(arn) else { return };
    let correction = match end {
        JobEnd::Completed => Usd::ZERO,
        JobEnd::Failed => Usd::ZERO.saturating_sub(job.charged.total()),
    };
    // Unknown is never zero: what was charged for an unpriced job is not known, and neither is its correction.
    let is_known = job.charged.is_priced() || !job.charged.total().is_zero();
    let correction = Some(correction).filter(|_| is_known);
    let mut attributes = job.attributes;
    attributes.push(KeyValue::new(outlay::CHARGE_NAME, JOB));
    if let Some(correction) = correction {
        attributes.extend([usd(outlay::COST_USD, correction), picousd(outlay::COST_PICOUSD, correction)]);
    }
    attributes.push(KeyValue::new(outlay::COST_STATUS, job.charged.status().as_str()));
    attributes.push(KeyValue::new(outlay::LATE, true));
    instant_span::write_charge(core, JOB, correction, attributes, &Context::new(), job.task);
}
