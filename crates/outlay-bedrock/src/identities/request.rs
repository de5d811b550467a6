//! What STS is asked for a session.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::types::Tag;
use aws_smithy_async::time::SharedTimeSource;
use tokio::runtime::Handle;

use super::assumed::Assumed;
use super::assumer::Assumer;
use super::wanted::Wanted;
use crate::sts::Failure;

/// What role chaining allows, and every role.
const AN_HOUR: Duration = Duration::from_secs(3_600);

impl Assumer {
    /// Asks for less, where that is what STS has against it.
    pub(super) async fn assume(&self, wanted: &Wanted, clock: &SharedTimeSource) -> Result<Assumed, Failure> {
        let roles = self.roles();
        let (mut duration, mut tags) = (self.settings().duration, wanted.tags.as_slice());
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
        let timeout = TimeoutConfig::builder().operation_timeout(self.bound()).build();
        let patient = aws_sdk_sts::Config::builder().timeout_config(timeout);
        let seconds = i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        let Some(token) = self.web_identity_token().await? else {
            let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tags =
                tags.collect::<Result<Vec<_>, _>>().map_err(|_| Failure::without_answer("a tag is incomplete"))?;
            let request = self.client().assume_role().role_arn(&*wanted.role).role_session_name(&wanted.session);
            let request = request.duration_seconds(seconds).set_tags((!tags.is_empty()).then_some(tags));
            let answer = request.customize().config_override(patient).send().await;
            let answer = answer.map_err(|error| Failure::of(&error))?;
            return Assumed::new(answer.credentials(), answer.assumed_role_user(), now, duration);
        };
        let request = self.client().assume_role_with_web_identity().role_arn(&*wanted.role);
        let request = request.role_session_name(&wanted.session).duration_seconds(seconds).web_identity_token(token);
        let answer = request.customize().config_override(patient).send().await;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        Assumed::new(answer.credentials(), answer.assumed_role_user(), now, duration)
    }

    /// The token, where roles are assumed with one.
    async fn web_identity_token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = self.settings().token_file.clone() else { return Ok(None) };
        let read = move || std::fs::read_to_string(path);
        let token = match Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(read).await.ok().and_then(Result::ok),
            Err(_) => read().ok(),
        };
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        token.map(Some).ok_or_else(|| Failure::without_answer("the web identity token cannot be read"))
    }
}
