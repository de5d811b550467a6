//! A role for each workflow: its calls are signed with that, so that AWS's bill tells them apart.

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

/// Signs the calls of each workflow as a role of its own, in a session that is called like the workflow and tagged with
/// its dimensions: `line_item_iam_principal` and the `iamPrincipal/*` tags of AWS's bill then say the same words as the
/// spans.
///
/// Which identity a call has is decided by the task that it is made in. The first call of a workflow waits for
/// `sts:AssumeRole`, five seconds at most; the session's credentials are kept, renewed in the background before they
/// end, and shared by all calls of the same role, session and tags. Where STS fails, the call is signed with the
/// client's own credentials, a warning says why, and STS is asked again after a back-off: by one call for all of them
/// where STS is out of reach, and without that call waiting where it did not answer at all. A call's span says
/// `outlay.aws.identity` = `assumed` or `fallback`. In a tokio runtime STS is asked by a task of its own, eight
/// questions at a time, so that a call that is cancelled leaves the answer to those that follow. Calls in no task, and
/// workflows without a role, have the client's own credentials, and so have operations with credentials of their own in
/// an override of their configuration.
///
/// ```no_run
/// use outlay_bedrock::{Identities, Metered as _};
///
/// # fn f(bedrock: aws_sdk_bedrockruntime::Config, sts: aws_sdk_sts::Config, engine: &outlay_otel::Engine) {
/// let identities = Identities::new(aws_sdk_sts::Client::from_conf(sts))
///     .role("tickets", "arn:aws:iam::123456789012:role/tickets")
///     .default_role("arn:aws:iam::123456789012:role/agents")
///     .tags(["team", "cost_center"]);
/// let client = aws_sdk_bedrockruntime::Client::from_conf(bedrock);
/// let client = identities.sign(client).metered(engine);
/// # }
/// ```
///
/// A session is called by the workflow's name; where STS does not take that as it is, other characters become `-` and
/// it ends with a hash of the name. A thousand sessions are kept, those in use before others.
///
/// The roles have to trust the credentials of the STS client, for `sts:AssumeRole` and, with tags, `sts:TagSession`.
/// Where tags alone are refused, too large, or in conflict with those of the caller's own session, the role is assumed
/// without them.
#[derive(Clone)]
#[must_use]
pub struct Identities {
    client: aws_sdk_sts::Client,
    settings: RoleSettings,
}

impl Identities {
    /// Assumes roles with this client: its region, endpoint, HTTP client and credentials. Nothing has a role yet.
    pub fn new(client: aws_sdk_sts::Client) -> Self {
        let settings = RoleSettings {
            choose: ChooseRole::default(),
            tags: Vec::new(),
            duration: Duration::from_secs(3_600),
            patience: Duration::from_secs(5),
            token_file: None,
        };
        Self { client, settings }
    }

    /// The role of a workflow, by its ARN.
    pub fn role(mut self, workflow: &str, role_arn: &str) -> Self {
        self.settings.choose.set(workflow, role_arn);
        self
    }

    /// The role of the workflows that have none of their own. Defaults to none: they have the client's own credentials.
    pub fn default_role(mut self, role_arn: &str) -> Self {
        self.settings.choose.set_default(role_arn);
        self
    }

    /// Says the role of a workflow, before [`role`](Self::role) is looked at; `None` leaves it to that. It is called on
    /// the path of each call. Defaults to saying nothing.
    pub fn role_by(mut self, choose: impl Fn(&Workflow<'_>) -> Option<String> + Send + Sync + 'static) -> Self {
        self.settings.choose.set_by(choose);
        self
    }

    /// The dimensions that become session tags, by their names: 50 at most, those that a task has set. Characters that
    /// STS does not take, such as combining marks, become `_`. Each set of values is a session of its own: leave out
    /// what differs from task to task. A web identity has the tags that its token says. Defaults to none.
    pub fn tags<K: AsRef<str>>(mut self, dimensions: impl IntoIterator<Item = K>) -> Self {
        self.settings.tags.extend(dimensions.into_iter().map(|key| Arc::from(key.as_ref())));
        self
    }

    /// How long a session holds, from 15 minutes to 12 hours. Where a role, or role chaining, allows an hour alone, it is
    /// an hour. Defaults to an hour.
    pub fn session_duration(mut self, duration: Duration) -> Self {
        self.settings.duration = duration.clamp(Duration::from_secs(900), Duration::from_secs(43_200));
        self
    }

    /// How long a call waits for STS before it is signed with the client's own credentials: at most half of its own
    /// time-out, where the client's configuration sets one. STS has 5 seconds for its answer all the same, and the next
    /// call what it says. Defaults to 5 seconds.
    pub const fn timeout(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// Assumes roles by `sts:AssumeRoleWithWebIdentity`, with the token in this file, which is read each time. Defaults to
    /// `sts:AssumeRole`, with the STS client's credentials.
    pub fn web_identity_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.token_file = Some(path.into());
        self
    }

    /// A client of the same type and configuration, whose calls are signed so. Its clones share its sessions.
    ///
    /// It takes the place of the client's identity cache, and goes on using that for the client's own credentials: setting
    /// another cache afterwards takes the identities off.
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
        // Not the client, which has credentials.
        f.debug_struct("Identities").field("settings", &self.settings).finish_non_exhaustive()
    }
}
