//! Keeps the sessions of a client.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use aws_sdk_sts::Client;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Settings;
use super::assumed::Assumed;
use super::outage::Outage;
use super::question::Question;
use super::roles::Roles;
use super::session::{Look, Session};
use super::wanted::Wanted;
use crate::sts::Bounded;

/// STS has so long for an answer, and longer where calls wait longer.
const BOUND: Duration = Duration::from_secs(5);
/// As many questions are out at a time: STS throttles an account as a whole.
const MAX_QUESTIONS: usize = 8;

/// The sessions of a client.
#[derive(Clone)]
pub(super) struct Assumer(Arc<Inner>);

struct Inner {
    client: Client,
    settings: Settings,
    sessions: Bounded<Wanted, Session>,
    roles: Roles,
    outage: Outage,
    questions: Semaphore,
    told_of_displaced: Once,
}

impl Assumer {
    pub(super) fn new(client: Client, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            client,
            settings,
            sessions: Bounded::default(),
            roles: Roles::default(),
            outage: Outage::default(),
            questions: Semaphore::new(MAX_QUESTIONS),
            told_of_displaced: Once::new(),
        }))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(super) fn roles(&self) -> &Roles {
        &self.0.roles
    }

    pub(super) fn outage(&self) -> &Outage {
        &self.0.outage
    }

    pub(super) fn questions(&self) -> &Semaphore {
        &self.0.questions
    }

    /// How long STS has for an answer, however long each call waits for it.
    pub(super) fn bound(&self) -> Duration {
        self.0.settings.patience.max(BOUND)
    }

    /// The credentials that are wanted; `None` where they cannot be had, or not within `patience`. That they come too
    /// late for this call is no failure: they come for the next one.
    pub(super) async fn assumed(
        &self,
        wanted: &Wanted,
        clock: &SharedTimeSource,
        sleep: &SharedAsyncSleep,
        patience: Duration,
    ) -> Option<Arc<Assumed>> {
        let session = self.session(wanted, clock.now());
        let assumed = self.wait_for(&session, wanted, clock, sleep);
        Timeout::new(pin!(assumed), sleep.sleep(patience)).await.unwrap_or(None)
    }

    fn session(&self, wanted: &Wanted, now: SystemTime) -> Arc<Session> {
        let found = self.0.sessions.find(wanted, |session| session.is_live(now));
        if found.displaces {
            self.0.told_of_displaced.call_once(|| {
                tracing::warn!(
                    target: "outlay",
                    session = &*wanted.session,
                    "there are more sessions of workflows than are kept, and STS is asked again for those in use: give \
                     tasks that are of the same workflow the same `workflow`, and leave out tags that differ from task \
                     to task"
                );
            });
        }
        found.value
    }

    async fn wait_for(
        &self,
        session: &Arc<Session>,
        wanted: &Wanted,
        clock: &SharedTimeSource,
        sleep: &SharedAsyncSleep,
    ) -> Option<Arc<Assumed>> {
        let mut has_asked = false;
        loop {
            // From here on, so that no end is missed.
            let mut ended = pin!(session.ended.notified());
            ended.as_mut().enable();
            let (now, runtime) = (clock.now(), Handle::try_current());
            let question = |number| Question::new(self, session, number, wanted, clock, sleep);
            match session.look(now, !has_asked && !self.0.outage.refuses(now)) {
                Look::Use(assumed) => return Some(assumed),
                Look::UseAndAsk(assumed, number) => {
                    // Without a runtime, that waits until they do not hold any more.
                    let question = question(number);
                    if let Ok(runtime) = runtime {
                        runtime.spawn(question.ask());
                    }
                    return Some(assumed);
                }
                Look::Without => return None,
                Look::Ask(number) => {
                    has_asked = true;
                    match &runtime {
                        // It goes on if the call is cancelled, and whether or not anybody drives that.
                        Ok(runtime) => drop(runtime.spawn(question(number).ask())),
                        Err(_) => {
                            question(number).ask().await;
                            continue;
                        }
                    }
                }
                Look::Wait => {}
            }
            if runtime.is_ok() && self.0.outage.is_silent() {
                // It is found out in the background whether STS is back.
                return None;
            }
            ended.await;
        }
    }
}

impl fmt::Debug for Assumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assumer").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
