//! Caches the sessions of a client.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use aws_sdk_sts::Client;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;
use tokio::runtime::Handle;

use super::assume_role::AssumeRole;
use super::assumed_role::AssumedRole;
use super::role_settings::RoleSettings;
use super::session_credentials::{Session, SessionAction};
use super::session_key::SessionKey;
use super::sts_question::StsQuestion;
use crate::sts::BoundedMap;

/// The sessions of a client.
pub(super) struct SessionCache {
    sts: Arc<AssumeRole>,
    sessions: BoundedMap<SessionKey, Session>,
    warned_of_eviction: Once,
}

impl SessionCache {
    pub(super) fn new(client: Client, settings: RoleSettings) -> Self {
        let sts = Arc::new(AssumeRole::new(client, settings));
        Self { sts, sessions: BoundedMap::default(), warned_of_eviction: Once::new() }
    }

    pub(super) fn settings(&self) -> &RoleSettings {
        self.sts.settings()
    }

    /// Returns the credentials, or `None` if they are unavailable or do not come within `max_wait`. A late answer is
    /// not a failure: the next call uses it.
    pub(super) async fn assumed(
        &self,
        key: &SessionKey,
        clock: &SharedTimeSource,
        sleep: &SharedAsyncSleep,
        max_wait: Duration,
    ) -> Option<Arc<AssumedRole>> {
        let session = self.session(key, clock.now());
        let assumed = self.wait_for(&session, key, clock, sleep);
        Timeout::new(pin!(assumed), sleep.sleep(max_wait)).await.unwrap_or(None)
    }

    fn session(&self, key: &SessionKey, now: SystemTime) -> Arc<Session> {
        let found = self.sessions.lookup(key, |session| session.is_live(now));
        if found.evicts_live {
            self.warned_of_eviction.call_once(|| {
                tracing::warn!(
                    target: "outlay",
                    session = &*key.session,
                    "there are more workflow sessions than the cache holds, so STS is asked again for sessions in use: \
                     set the same `workflow` on tasks of the same workflow, and leave out tags that differ between tasks"
                );
            });
        }
        found.value
    }

    async fn wait_for(
        &self,
        session: &Arc<Session>,
        key: &SessionKey,
        clock: &SharedTimeSource,
        sleep: &SharedAsyncSleep,
    ) -> Option<Arc<AssumedRole>> {
        let mut has_requested = false;
        loop {
            // Registered here, so that no notification is missed.
            let mut ended = pin!(session.ended.notified());
            ended.as_mut().enable();
            let (now, runtime) = (clock.now(), Handle::try_current());
            let question = |number| StsQuestion::new(&self.sts, session, number, key, clock, sleep);
            match session.next_action(now, !has_requested && !self.sts.outage().refuses(now)) {
                SessionAction::Use(assumed) => return Some(assumed),
                SessionAction::UseAndRenew(assumed, number) => {
                    // Without a runtime, renewal waits until the credentials expire.
                    let question = question(number);
                    if let Ok(runtime) = runtime {
                        runtime.spawn(question.ask());
                    }
                    return Some(assumed);
                }
                SessionAction::Fallback => return None,
                SessionAction::Request(number) => {
                    has_requested = true;
                    match &runtime {
                        // The task continues if the call is cancelled or its future is not polled.
                        Ok(runtime) => drop(runtime.spawn(question(number).ask())),
                        Err(_) => {
                            question(number).ask().await;
                            continue;
                        }
                    }
                }
                SessionAction::Wait => {}
            }
            if runtime.is_ok() && self.sts.outage().timed_out() {
                // A background task probes whether STS is back.
                return None;
            }
            ended.await;
        }
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache").field("settings", self.settings()).finish_non_exhaustive()
    }
}
