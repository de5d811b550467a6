//! A request for a session's credentials. Its end is recorded, even if it is dropped.

use std::pin::pin;
use std::sync::Arc;

use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;

use super::assume_role::AssumeRole;
use super::session_credentials::{FlightNumber, Session};
use super::session_key::SessionKey;
use crate::sts::StsFailure;

/// A request for a session's credentials. Dropping it after it was sent is a failure: its caller did not wait for the
/// answer, and later calls would wait in vain too.
pub(super) struct StsQuestion {
    sts: Arc<AssumeRole>,
    session: Arc<Session>,
    number: FlightNumber,
    key: SessionKey,
    clock: SharedTimeSource,
    sleep: SharedAsyncSleep,
    is_failed: bool,
}

impl StsQuestion {
    pub(super) fn new(
        sts: &Arc<AssumeRole>,
        session: &Arc<Session>,
        number: FlightNumber,
        key: &SessionKey,
        clock: &SharedTimeSource,
        sleep: &SharedAsyncSleep,
    ) -> Self {
        Self {
            sts: sts.clone(),
            session: session.clone(),
            number,
            key: key.clone(),
            clock: clock.clone(),
            sleep: sleep.clone(),
            is_failed: false,
        }
    }

    /// Sends the request and records the result.
    pub(super) async fn ask(mut self) {
        let sts = self.sts.clone();
        let Ok(_permit) = sts.permits().acquire().await else { return };
        // There may be an outage by now.
        let Some(permit) = sts.outage().permit(self.clock.now()) else { return };
        self.is_failed = true;
        let answer = {
            let answer = pin!(sts.assume(&self.key, &self.clock));
            Timeout::new(answer, self.sleep.sleep(sts.timeout())).await.unwrap_or_else(|_| Err(StsFailure::timeout()))
        };
        match answer {
            Ok(assumed) => {
                self.is_failed = false;
                permit.answered();
                self.session.set(&Arc::new(assumed));
                sts.roles().update(&self.key.role, |role| role.warned = false);
            }
            Err(failure) => {
                permit.failed(&failure, self.clock.now());
                self.warn(&failure);
            }
        }
    }

    fn warn(&self, failure: &StsFailure) {
        if !self.sts.roles().update(&self.key.role, |role| role.warned = true).warned {
            tracing::warn!(
                target: "outlay",
                role = &*self.key.role,
                session = &*self.key.session,
                reason = %failure,
                "the role of a workflow could not be assumed: its calls are signed with the client's own credentials \
                 until it can be assumed"
            );
        }
    }
}

impl Drop for StsQuestion {
    fn drop(&mut self) {
        self.session.end(self.number, self.is_failed.then(|| self.clock.now()));
    }
}
