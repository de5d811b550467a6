//! Requests session credentials from STS.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::Client;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::types::Tag;
use aws_smithy_async::time::SharedTimeSource;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::assumed_role::AssumedRole;
use super::known_roles::KnownRoles;
use super::role_settings::RoleSettings;
use super::session_key::SessionKey;
use super::sts_outage::StsOutage;
use crate::sts::StsFailure;

/// The minimum time that STS has to answer. It has more if calls wait longer.
const MIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of concurrent requests: STS throttles the account as a whole.
const MAX_REQUESTS: usize = 8;

/// The session duration that every role, and role chaining, allows.
const ONE_HOUR: Duration = Duration::from_secs(3_600);

/// Asks STS for the credentials of roles, and remembers what the answers show of them.
pub(super) struct AssumeRole {
    client: Client,
    settings: RoleSettings,
    roles: KnownRoles,
    outage: StsOutage,
    permits: Semaphore,
}

impl AssumeRole {
    pub(super) fn new(client: Client, settings: RoleSettings) -> Self {
        let permits = Semaphore::new(MAX_REQUESTS);
        Self { client, settings, roles: KnownRoles::default(), outage: StsOutage::default(), permits }
    }

    pub(super) const fn settings(&self) -> &RoleSettings {
        &self.settings
    }

    pub(super) const fn roles(&self) -> &KnownRoles {
        &self.roles
    }

    pub(super) const fn outage(&self) -> &StsOutage {
        &self.outage
    }

    pub(super) const fn permits(&self) -> &Semaphore {
        &self.permits
    }

    /// Returns how long STS has to answer, which is independent of how long one call waits.
    pub(super) fn timeout(&self) -> Duration {
        self.settings.max_wait.max(MIN_TIMEOUT)
    }

    /// Assumes a role. Asks for less if STS objects to the duration or the tags.
    pub(super) async fn assume(&self, key: &SessionKey, clock: &SharedTimeSource) -> Result<AssumedRole, StsFailure> {
        let roles = self.roles();
        let (mut duration, mut tags) = (self.settings().duration, key.tags.as_slice());
        if roles.get(&key.role).max_one_hour {
            duration = duration.min(ONE_HOUR);
        }
        loop {
            let failure = match self.request(key, duration, tags, clock.now()).await {
                Err(failure) => failure,
                assumed => return assumed,
            };
            if failure.is_about_duration() && duration > ONE_HOUR {
                duration = ONE_HOUR;
                roles.update(&key.role, |role| role.max_one_hour = true);
            } else if failure.is_about_tags() && !tags.is_empty() {
                tags = &[];
                if !roles.update(&key.role, |role| role.warned_of_tags = true).warned_of_tags {
                    tracing::warn!(
                        target: "outlay",
                        role = &*key.role,
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
        key: &SessionKey,
        duration: Duration,
        tags: &[(String, String)],
        now: SystemTime,
    ) -> Result<AssumedRole, StsFailure> {
        let timeout = TimeoutConfig::builder().operation_timeout(self.timeout()).build();
        let config = aws_sdk_sts::Config::builder().timeout_config(timeout);
        let seconds = i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        let Some(token) = self.web_identity_token().await? else {
            let tags = tags.iter().map(|(name, value)| Tag::builder().key(name).value(value).build());
            let tags =
                tags.collect::<Result<Vec<_>, _>>().map_err(|_| StsFailure::without_answer("a tag is incomplete"))?;
            let request = self.client.assume_role().role_arn(&*key.role).role_session_name(&key.session);
            let request = request.duration_seconds(seconds).set_tags((!tags.is_empty()).then_some(tags));
            let answer = request.customize().config_override(config).send().await;
            let answer = answer.map_err(|error| StsFailure::of(&error))?;
            return AssumedRole::new(answer.credentials(), answer.assumed_role_user(), now, duration);
        };
        let request = self.client.assume_role_with_web_identity().role_arn(&*key.role);
        let request = request.role_session_name(&key.session).duration_seconds(seconds).web_identity_token(token);
        let answer = request.customize().config_override(config).send().await;
        let answer = answer.map_err(|error| StsFailure::of(&error))?;
        AssumedRole::new(answer.credentials(), answer.assumed_role_user(), now, duration)
    }

    /// Returns the token, if roles are assumed with one.
    async fn web_identity_token(&self) -> Result<Option<String>, StsFailure> {
        let Some(path) = self.settings().token_file.clone() else { return Ok(None) };
        let read = move || std::fs::read_to_string(path);
        let token = match Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(read).await.ok().and_then(Result::ok),
            Err(_) => read().ok(),
        };
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        token.map(Some).ok_or_else(|| StsFailure::without_answer("the web identity token cannot be read"))
    }
}
