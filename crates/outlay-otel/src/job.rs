//! Jobs that go on after the call that started them: charged at their start, corrected when they fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind};
use opentelemetry::{Context, KeyValue};
use outlay_price::{Charge, Usd};

use crate::names::outlay;
use crate::span_attributes::{picousd, usd};
use crate::tracer::start_builder;
use crate::{Engine, Scope};

/// As many jobs are known; beyond it the oldest is forgotten, and its charge stands.
const MAX_JOBS: usize = 10_000;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobEnd {
    /// It did its work: its charge stands.
    Completed,
    /// It failed: its charge is taken back.
    Failed,
}

/// What a call's answer says of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEvent {
    /// The job of this ARN goes on.
    Started(String),
    /// The job of this ARN has ended so.
    Ended(String, JobEnd),
}

/// The jobs that calls have started, each known by its ARN.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<KnownJobs>);

#[derive(Debug, Default)]
struct KnownJobs {
    /// `None` once its end has been told: a job is charged once, and corrected once.
    by_arn: HashMap<Arc<str>, Option<Job>>,
    oldest: VecDeque<Arc<str>>,
}

/// A job that goes on: what was charged for it may have to be corrected. It keeps nothing of its task alive but the
/// attributes.
#[derive(Debug)]
pub(crate) struct Job {
    charged: Charge,
    attributes: Vec<KeyValue>,
    task: Option<SpanContext>,
}

impl Job {
    pub(crate) fn new(scope: &Scope, charge: &Charge) -> Self {
        Self { charged: *charge, attributes: scope.attributes().to_vec(), task: scope.task_span() }
    }
}

impl Engine {
    /// A job has ended, as one that asked for it was told. Only the first word counts, and only of a job that a call of
    /// this engine started.
    ///
    /// What is taken back goes on a span of its own, linked to the task and outside its sum: the task may be long over.
    /// Metrics are monotonic, and keep what they counted.
    pub fn job_ended(&self, arn: &str, end: JobEnd) {
        let Some(job) = self.inner().jobs.close(arn) else { return };
        let correction = match end {
            JobEnd::Completed => Usd::ZERO,
            JobEnd::Failed => Usd::ZERO.saturating_sub(job.charged.total()),
        };
        let mut attributes = job.attributes;
        attributes.extend([
            KeyValue::new(outlay::CHARGE_NAME, "async-invoke"),
            usd(outlay::COST_USD, correction),
            picousd(outlay::COST_PICOUSD, correction),
            KeyValue::new(outlay::COST_STATUS, job.charged.status().as_str()),
            KeyValue::new(outlay::LATE, true),
        ]);
        let now = self.now();
        let builder = start_builder("charge async-invoke".to_owned(), SpanKind::Internal, now)
            .with_attributes(attributes)
            .with_links(job.task.map(Link::with_context).into_iter().collect());
        if let Some(mut span) = self.inner().spans.start(builder, &Context::new()) {
            span.end_with_timestamp(now);
        }
    }
}

impl Jobs {
    /// Whether the job is a new one. The SDK repeats a request with the same token, and is told the same job again.
    pub(crate) fn open(&self, arn: &str, job: Job) -> bool {
        let mut jobs = self.lock();
        if jobs.by_arn.contains_key(arn) {
            return false;
        }
        let arn: Arc<str> = arn.into();
        jobs.by_arn.insert(arn.clone(), Some(job));
        jobs.oldest.push_back(arn);
        if jobs.oldest.len() > MAX_JOBS
            && let Some(oldest) = jobs.oldest.pop_front()
        {
            jobs.by_arn.remove(&oldest);
        }
        true
    }

    fn close(&self, arn: &str) -> Option<Job> {
        self.lock().by_arn.get_mut(arn)?.take()
    }

    fn lock(&self) -> MutexGuard<'_, KnownJobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
