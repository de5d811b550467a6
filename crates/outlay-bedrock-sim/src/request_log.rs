use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::recorded::Recorded;

/// How long [`RequestLog::wait_for`] waits.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// The requests that a simulator received.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    requests: Mutex<Vec<Recorded>>,
    /// How many requests were received, including those that were taken.
    received: watch::Sender<usize>,
}

impl RequestLog {
    /// Records the request that `request` builds from its position among all requests.
    pub(crate) fn record(&self, request: impl FnOnce(usize) -> Recorded) -> Recorded {
        let mut requests = self.lock();
        let request = request(*self.received.borrow());
        requests.push(request.clone());
        // Counted under the lock, so that the list is in the order of the positions.
        self.received.send_modify(|received| *received += 1);
        request
    }

    /// Sets the body of a request that was recorded before its body was complete.
    pub(crate) fn set_body(&self, order: usize, body: Bytes) {
        if let Some(request) = self.lock().iter_mut().find(|request| request.order == order) {
            request.body = body;
        }
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.lock().clone()
    }

    /// Removes all requests from the log and returns them.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until `expected` requests were received, including those that were taken.
    pub(crate) async fn wait_for(&self, expected: usize) -> Result<(), TooFewRequests> {
        let mut received = self.received.subscribe();
        match tokio::time::timeout(WAIT_LIMIT, received.wait_for(|received| *received >= expected)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(TooFewRequests { expected, received: *self.received.borrow() }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recorded>> {
        // The list is valid even if another thread panicked while it held the lock.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error returned when the requests that [`BedrockSim::wait_for`](crate::BedrockSim::wait_for) waited for did not
/// arrive in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} requests, received {received} within ten seconds")]
pub struct TooFewRequests {
    expected: usize,
    received: usize,
}
