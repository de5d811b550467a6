//! Signs the calls of each workflow with a role of its own, so that AWS's bill separates them.

mod assume_role;
mod assumed_role;
mod choose_role;
mod known_roles;
mod role_settings;
mod session_cache;
mod session_credentials;
mod session_key;
mod sts_outage;
mod sts_question;
mod workflow;
mod workflow_identities;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{IdentityCache, SharedIdentityCache};
use choose_role::ChooseRole;
use role_settings::RoleSettings;
use session_cache::SessionCache;
use workflow_identities::WorkflowIdentities;

pub use workflow::Workflow;

/// Signs the calls of each workflow with a role of its own. The session is named after the workflow and tagged with
/// its dimensions, so `line_item_iam_principal` and the `iamPrincipal/*` tags of AWS's bill match the spans.
///
/// The task that a call is made in decides its identity. The first call of a workflow waits at most five seconds for
/// `sts:AssumeRole`. The session's credentials are cached, renewed in the background before they expire, and shared
/// by all calls with the same role, session and tags.
///
/// If STS fails, the call is signed with the client's own credentials, a warning gives the reason, and STS is asked
/// again after a back-off. If STS is unreachable, one call asks again on behalf of all; if STS did not answer at all,
/// that call does not wait. A call's span has `outlay.aws.identity` = `assumed` or `fallback`.
///
/// In a tokio runtime, a background task asks STS, with at most eight requests at a time. If a call is cancelled,
/// later calls still get its answer. Calls outside a task and workflows without a role use the client's own
/// credentials. An operation with credentials in its configuration override uses those.
///
/// ```no_run
/// use outlay_bedrock::{Identities, metered_client};
///
/// # fn f(bedrock: aws_sdk_bedrockruntime::Config, sts: aws_sdk_sts::Config, engine: &outlay_otel::Engine) {
/// let identities = Identities::new(aws_sdk_sts::Client::from_conf(sts))
///     .role("tickets", "arn:aws:iam::123456789012:role/tickets")
///     .default_role("arn:aws:iam::123456789012:role/agents")
///     .tags(["team", "cost_center"]);
/// let client = aws_sdk_bedrockruntime::Client::from_conf(bedrock);
/// let client = metered_client(identities.sign(client), engine);
/// # }
/// ```
///
/// A session is named after the workflow. If STS does not accept the name, other characters become `-` and the name
/// ends with a hash. At most 1,000 sessions are cached; those in use are kept longest.
///
/// The roles have to trust the credentials of the STS client for `sts:AssumeRole` and, with tags, `sts:TagSession`.
/// If only the tags are refused, too large, or in conflict with those of the STS client's own session, the role is
/// assumed without them.
#[derive(Clone)]
#[must_use]
pub struct Identities {
    client: aws_sdk_sts::Client,
    settings: RoleSettings,
}

impl Identities {
    /// Creates identities that assume roles with this client: its region, endpoint, HTTP client and credentials. No
    /// workflow has a role yet.
    pub fn new(client: aws_sdk_sts::Client) -> Self {
        let settings = RoleSettings {
            choose: ChooseRole::default(),
            tags: Vec::new(),
            duration: Duration::from_secs(3_600),
            max_wait: Duration::from_secs(5),
            token_file: None,
        };
        Self { client, settings }
    }

    /// Sets the role of a workflow, by the role's ARN.
    pub fn role(mut self, workflow: &str, role_arn: &str) -> Self {
        self.settings.choose.set(workflow, role_arn);
        self
    }

    /// Sets the role of the workflows that have none of their own. Defaults to none: their calls use the client's own
    /// credentials.
    pub fn default_role(mut self, role_arn: &str) -> Self {
        self.settings.choose.set_default(role_arn);
        self
    }

    /// Sets a closure that chooses the role of a workflow. It takes precedence over [`role`](Self::role), unless it
    /// returns `None`. Every call runs it. Defaults to no closure.
    pub fn role_by(mut self, choose: impl Fn(&Workflow<'_>) -> Option<String> + Send + Sync + 'static) -> Self {
        self.settings.choose.set_by(choose);
        self
    }

    /// Adds dimensions that become session tags, by name: at most 50, and only those that a task has set. Characters
    /// that STS does not accept, such as combining marks, become `_`. Each set of values is a separate session, so
    /// leave out dimensions that differ between tasks. A web identity gets its tags from its token. Defaults to none.
    pub fn tags<K: AsRef<str>>(mut self, dimensions: impl IntoIterator<Item = K>) -> Self {
        self.settings.tags.extend(dimensions.into_iter().map(|key| Arc::from(key.as_ref())));
        self
    }

    /// Sets the duration of a session, from 15 minutes to 12 hours. It is an hour if a role, or role chaining, allows
    /// no more. Defaults to an hour.
    pub fn session_duration(mut self, duration: Duration) -> Self {
        self.settings.duration = duration.clamp(Duration::from_secs(900), Duration::from_secs(43_200));
        self
    }

    /// Sets how long a call waits for STS before it is signed with the client's own credentials. A call waits for at
    /// most half of its own timeout, if the client's configuration sets one. STS still has at least 5 seconds to
    /// answer, and the next call uses the answer. Defaults to 5 seconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.max_wait = timeout;
        self
    }

    /// Assumes roles with `sts:AssumeRoleWithWebIdentity` and the token in this file, which is read each time.
    /// Defaults to `sts:AssumeRole` with the STS client's credentials.
    pub fn web_identity_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.token_file = Some(path.into());
        self
    }

    /// Returns a client of the same type and configuration that signs its calls with these identities. Its clones
    /// share its sessions.
    ///
    /// Replaces the client's identity cache, but still uses it for the client's own credentials. Setting another
    /// cache afterwards removes the identities.
    #[must_use]
    pub fn sign(&self, client: Client) -> Client {
        let base = client.config().identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
        let sessions = SessionCache::new(self.client.clone(), self.settings.clone());
        let identities = SharedIdentityCache::new(WorkflowIdentities::new(sessions, base));
        Client::from_conf(client.config().to_builder().identity_cache(identities).build())
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the client, which has credentials.
        f.debug_struct("Identities").field("settings", &self.settings).finish_non_exhaustive()
    }
}
