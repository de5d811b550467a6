//! Jobs that continue after the call that started them: charged at their start, corrected if they fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use outlay_price::Charge;

/// The maximum number of jobs that are kept. The oldest is forgotten first, and its charge stays.
const MAX_JOBS: usize = 10_000;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobEnd {
    /// The job has completed: its charge stays.
    Completed,
    /// The job has failed: its charge is taken back.
    Failed,
}

/// The start or end of a job, as a call's answer reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEvent {
    /// The job with this ARN has started.
    Started(String),
    /// The job with this ARN has ended.
    Ended(String, JobEnd),
}

/// The jobs that calls have started, by ARN.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<KnownJobs>);

#[derive(Debug, Default)]
struct KnownJobs {
    /// `None` once the end of the job was reported: a job is charged once and corrected at most once.
    by_arn: HashMap<Arc<str>, Option<Job>>,
    order: VecDeque<Arc<str>>,
}

/// A running job. Its charge may have to be corrected. It keeps the attributes of its scope, but does not keep the
/// scope alive.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) charged: Charge,
    /// The attributes of the scope that started the job.
    pub(crate) attributes: Vec<KeyValue>,
    /// The span of the outermost task.
    pub(crate) task: Option<SpanContext>,
}

impl Jobs {
    /// Adds a job. Returns false if it is known: when the SDK repeats a request with the same token, the answer names the
    /// same job again.
    pub(crate) fn open(&self, arn: &str, job: Job) -> bool {
        let mut jobs = self.lock();
        if jobs.by_arn.contains_key(arn) {
            return false;
        }
        let arn: Arc<str> = arn.into();
        jobs.by_arn.insert(arn.clone(), Some(job));
        jobs.order.push_back(arn);
        if jobs.order.len() > MAX_JOBS
            && let Some(oldest) = jobs.order.pop_front()
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
