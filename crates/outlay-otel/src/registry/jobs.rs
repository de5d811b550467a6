//! Jobs that go on after the call that started them: charged at their start, corrected when they fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use outlay_price::Charge;

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
    pub(crate) charged: Charge,
    /// Those of the scope that started the job.
    pub(crate) attributes: Vec<KeyValue>,
    /// The span of the outermost task.
    pub(crate) task: Option<SpanContext>,
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

    pub(crate) fn close(&self, arn: &str) -> Option<Job> {
        self.lock().by_arn.get_mut(arn)?.take()
    }

    fn lock(&self) -> MutexGuard<'_, KnownJobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
