//! Asks STS for sessions, and keeps them.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_sts::Client;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::types::Tag;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;
use tokio::runtime::Handle;

use super::Settings;
use super::assumed::Assumed;
use super::roles::Roles;
use super::session::{Look, Session};
use super::wanted::Wanted;
use crate::sts::{BackOff, Bounded, Failure};

/// What role chaining allows, and every role.
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// The sessions of a client.
#[derive(Clone)]
pub(super) struct Assumer(Arc<Inner>);

struct Inner {
    client: Client,
    settings: Settings,
    sessions: Bounded<Wanted, Session>,
    roles: Roles,
    /// Where STS cannot be reached, one call waits for that, and not one for each session.
    outage: Mutex<BackOff>,
}

/// Whoever renews a session says that it has ended.
struct Renewal(Arc<Session>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.renewed();
    }
}

impl Assumer {
    pub(super) fn new(client: Client, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            client,
            settings,
            sessions: Bounded::default(),
            roles: Roles::default(),
            outage: Mutex::default(),
        }))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The credentials that are wanted; `None` where they cannot be had, or not within `patience`.
    pub(super) async fn assumed(
        &self,
        wanted: &Wanted,
        clock: &SharedTimeSource,
        sleep: &SharedAsyncSleep,
        patience: Duration,
    ) -> Option<Arc<Assumed>> {
        let session = self.0.sessions.of(wanted);
        let assumed = self.wait_for(&session, wanted, clock);
        Timeout::new(pin!(assumed), sleep.sleep(patience)).await.unwrap_or_else(|_| {
            self.failed(&session, wanted, &Failure::without_answer("no answer in time"), clock);
            None
        })
    }

    async fn wait_for(
        &self,
        session: &Arc<Session>,
        wanted: &Wanted,
        clock: &SharedTimeSource,
    ) -> Option<Arc<Assumed>> {
        match session.look(clock.now()) {
            Look::Use(assumed) => return Some(assumed),
            Look::UseAndRenew(assumed) => {
                self.renew(session.clone(), wanted, clock);
                return Some(assumed);
            }
            Look::Without => return None,
            Look::Ask => {}
        }
        // Whoever asks is cancelled with its call; then the next one asks.
        let _flight = session.flight.lock().await;
        match session.look(clock.now()) {
            Look::Use(assumed) => Some(assumed),
            Look::UseAndRenew(assumed) => {
                session.renewed();
                Some(assumed)
            }
            Look::Without => None,
            Look::Ask => self.ask(session, wanted, clock).await,
        }
    }

    /// Renews a session while its credentials still hold. Without a tokio runtime, that waits until they do not.
    fn renew(&self, session: Arc<Session>, wanted: &Wanted, clock: &SharedTimeSource) {
        let renewal = Renewal(session);
        let Ok(runtime) = Handle::try_current() else { return };
        let (this, wanted, clock) = (self.clone(), wanted.clone(), clock.clone());
        runtime.spawn(async move {
            let _flight = renewal.0.flight.lock().await;
            this.ask(&renewal.0, &wanted, &clock).await;
        });
    }

    async fn ask(&self, session: &Session, wanted: &Wanted, clock: &SharedTimeSource) -> Option<Arc<Assumed>> {
        if self.outage(|outage| outage.is_too_early(clock.now())) {
            return None;
        }
        match self.assume(wanted, clock).await {
            Ok(assumed) => {
                let assumed = Arc::new(assumed);
                session.set(&assumed);
                self.outage(BackOff::reset);
                self.0.roles.learn(&wanted.role, |role| role.told = false);
                Some(assumed)
            }
            Err(failure) => {
                self.failed(session, wanted, &failure, clock);
                None
            }
        }
    }

    fn failed(&self, session: &Session, wanted: &Wanted, failure: &Failure, clock: &SharedTimeSource) {
        session.failed(clock.now());
        if failure.is_outage() {
            self.outage(|outage| outage.failed(clock.now()));
        }
        if !self.0.roles.learn(&wanted.role, |role| role.told = true).told {
            tracing::warn!(
                target: "outlay",
                role = &*wanted.role,
                session = &*wanted.session,
                reason = %failure,
                "the role of a workflow could not be assumed: its calls are signed with the client's own credentials \
                 until it can"
            );
        }
    }

    /// Asks for less, where that is what STS has against it.
    async fn assume(&self, wanted: &Wanted, clock: &SharedTimeSource) -> Result<Assumed, Failure> {
        let roles = &self.0.roles;
        let (mut duration, mut tags) = (self.0.settings.duration, wanted.tags.as_slice());
        if roles.of(&wanted.role).an_hour {
            duration = duration.min(AN_HOUR);
        }
        loop {
            let failure = match self.request(wanted, duration, tags, clock.now()).await {
                Err(failure) => failure,
                assumed => return assumed,
            };
            if failure.is_of_duration() && duration > AN_HOUR {
                duration = AN_HOUR;
                roles.learn(&wanted.role, |role| role.an_hour = true);
            } else if failure.is_of_tags() && !tags.is_empty() {
                tags = &[];
                if !roles.learn(&wanted.role, |role| role.told_of_tags = true).told_of_tags {
                    tracing::warn!(
                        target: "outlay",
                        role = &*wanted.role,
                        reason = %failure,
                        "the role of a workflow is assumed without session tags"
                    );
                }
            } else {
                return Err(failure);
            }
        }
    }

    async fn request(
        &self,
        wanted: &Wanted,
        duration: Duration,
        tags: &[(String, String)],
        now: SystemTime,
    ) -> Result<Assumed, Failure> {
        let timeout = TimeoutConfig::builder().operation_timeout(self.0.settings.patience).build();
        let patient = aws_sdk_sts::Config::builder().timeout_config(timeout);
        let seconds = i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        let Some(token) = self.web_identity_token().await? else {
            let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tags =
                tags.collect::<Result<Vec<_>, _>>().map_err(|_| Failure::without_answer("a tag is incomplete"))?;
            let request = self.0.client.assume_role().role_arn(&*wanted.role).role_session_name(&wanted.session);
            let request = request.duration_seconds(seconds).set_tags((!tags.is_empty()).then_some(tags));
            let answer = request.customize().config_override(patient).send().await;
            let answer = answer.map_err(|error| Failure::of(&error))?;
            return Assumed::new(answer.credentials(), answer.assumed_role_user(), now, duration);
        };
        let request = self.0.client.assume_role_with_web_identity().role_arn(&*wanted.role);
        let request = request.role_session_name(&wanted.session).duration_seconds(seconds).web_identity_token(token);
        let answer = request.customize().config_override(patient).send().await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        Assumed::new(answer.credentials(), answer.assumed_role_user(), now, duration)
    }

    /// The token, where roles are assumed with one.
    async fn web_identity_token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = self.0.settings.token_file.clone() else { return Ok(None) };
        let read = move || std::fs::read_to_string(path);
        let token = match Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(read).await.ok().and_then(Result::ok),
            Err(_) => read().ok(),
        };
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        token.map(Some).ok_or_else(|| Failure::without_answer("the web identity token cannot be read"))
    }

    fn outage<T>(&self, look: impl FnOnce(&mut BackOff) -> T) -> T {
        look(&mut self.0.outage.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Assumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assumer").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
