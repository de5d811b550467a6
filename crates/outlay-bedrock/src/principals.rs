//! Finds the signers of calls through STS, without delaying any call.

mod access_key;
mod credentials_provider;
mod signer_cell;

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::AsyncSleep as _;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::identity::{
    IdentityCachePartition, ResolveCachedIdentity as _, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{GetIdentityResolver as _, RuntimeComponents};
use outlay_otel::{Engine, Signer};
use tokio::runtime::Handle;

use crate::sts::{BoundedMap, StsFailure, base_only, signer_of_arn};

use credentials_provider::CredentialsProvider;
pub(crate) use signer_cell::SignerCell;

/// How long STS has to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of concurrent requests. The next call asks for signers that were left out.
const MAX_FLIGHTS: usize = 8;

/// Finds the signers of calls, for `outlay.aws.principal`, `outlay.aws.session` and `cloud.account.id` on call spans
/// and `outlay.aws.principal` on the metric `outlay.cost`.
///
/// Asks `sts:GetCallerIdentity` once for each access key, with the same credentials, which it takes from the client
/// that made the call. This happens in the background: no call waits or fails because of it. The spans and metrics of
/// calls that settle before the answer comes do not have it. After a failure, the next call asks again after a
/// back-off of 5 seconds to 5 minutes. Calls that are signed with a Bedrock API key have no principal.
///
/// A role is named by its ARN, `arn:aws:iam::123456789012:role/ROLE`, without its path, which STS does not return.
/// Together with account and session this gives the `line_item_iam_principal` of AWS's bill,
/// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`. Users, federated users and root are named by the ARN that
/// STS returns.
///
/// ```no_run
/// # fn f(aws_config: aws_sdk_sts::Config) {
/// use outlay_bedrock::Principals;
///
/// let principals = Principals::new(aws_sdk_sts::Client::from_conf(aws_config));
/// let mut settings = outlay_otel::Settings::default();
/// settings.extension = Some(std::sync::Arc::new(principals));
/// let engine = outlay_otel::Engine::new(settings);
/// # }
/// ```
#[derive(Clone)]
pub struct Principals(Arc<Inner>);

struct Inner {
    client: Client,
    /// By access key id.
    signers: BoundedMap<String, SignerCell>,
    /// By the source of a client's credentials, so that sources are not confused.
    providers: BoundedMap<IdentityCachePartition, CredentialsProvider>,
    flights: AtomicUsize,
    warned_no_runtime: Once,
    warned_no_sleep: Once,
    warned_changing_credentials: Once,
}

/// A request to STS. Its end is recorded, even if it is dropped.
struct Flight {
    principals: Principals,
    cell: Arc<SignerCell>,
    engine: Engine,
    is_sent: bool,
    is_answered: bool,
}

/// Why a signer is still unknown.
enum LookupError {
    /// The client has other credentials by now.
    OtherCredentials,
    Failed(StsFailure),
}

impl Principals {
    /// Creates a lookup that asks with this client's region, endpoint and HTTP client. The client's own credentials
    /// are not used.
    pub fn new(client: Client) -> Self {
        Self(Arc::new(Inner {
            client,
            signers: BoundedMap::default(),
            providers: BoundedMap::default(),
            flights: AtomicUsize::new(0),
            warned_no_runtime: Once::new(),
            warned_no_sleep: Once::new(),
            warned_changing_credentials: Once::new(),
        }))
    }

    /// Returns the signer of a request. Asks STS if the signer is not known.
    pub(crate) fn of_request(
        &self,
        request: &HttpRequest,
        components: &RuntimeComponents,
        engine: &Engine,
    ) -> Option<Arc<SignerCell>> {
        let (key, scheme) = access_key::of_request(request)?;
        let cell = self.0.signers.get_or_default(key);
        if cell.get().is_none()
            && let Some(flight) = Flight::begin(self, &cell, engine)
        {
            self.ask(key, scheme, components, flight);
        }
        Some(cell)
    }

    fn ask(&self, key: &str, scheme: &'static str, components: &RuntimeComponents, mut flight: Flight) {
        let resolvers = [scheme, "sigv4"].map(|scheme| components.identity_resolver(AuthSchemeId::from(scheme)));
        let Some(resolver) = resolvers.into_iter().flatten().next() else { return };
        let provider = self.0.providers.get_or_default(&resolver.cache_partition());
        if !provider.may_be_asked(flight.engine.now()) {
            return self.warn_changing_credentials();
        }
        let Ok(runtime) = Handle::try_current() else { return self.warn_no_runtime() };
        let Some(sleep) = components.sleep_impl() else { return self.warn_no_sleep() };
        let (key, components) = (key.to_owned(), components.clone());
        flight.is_sent = true;
        runtime.spawn(async move {
            let found = {
                let found = pin!(flight.principals.look_up(&key, resolver, &components));
                // Uses the client's sleep implementation, because a runtime may have no timers.
                let found = Timeout::new(found, sleep.sleep(TIMEOUT)).await;
                found.unwrap_or_else(|_| Err(LookupError::Failed(StsFailure::timeout())))
            };
            flight.end(&provider, found);
        });
    }

    async fn look_up(
        &self,
        key: &str,
        resolver: SharedIdentityResolver,
        components: &RuntimeComponents,
    ) -> Result<Signer, LookupError> {
        let failed = |what| LookupError::Failed(StsFailure::without_answer(what));
        // The client's current credentials. If the client caches, its provider is not asked.
        let bag = base_only();
        let identity = components.identity_cache().resolve_cached_identity(resolver, components, &bag).await;
        let identity = identity.map_err(|_| failed("the client's credentials are unavailable"))?;
        let credentials = identity.data::<Credentials>().ok_or_else(|| failed("the client has no credentials"))?;
        if credentials.access_key_id() != key {
            return Err(LookupError::OtherCredentials);
        }
        // Signed with exactly these credentials, even if the client changes its own meanwhile.
        let signed = aws_sdk_sts::Config::builder()
            .credentials_provider(credentials.clone())
            .retry_config(RetryConfig::disabled());
        let answer = self.0.client.get_caller_identity().customize().config_override(signed).send().await;
        let answer = answer.map_err(|error| LookupError::Failed(StsFailure::of(&error)))?;
        answer.arn().and_then(signer_of_arn).ok_or_else(|| failed("the answer has no ARN"))
    }

    fn warn_no_runtime(&self) {
        self.0.warned_no_runtime.call_once(|| {
            tracing::warn!(
                target: "outlay",
                "there is no tokio runtime to ask STS in: the signers of calls stay unknown"
            );
        });
    }

    fn warn_no_sleep(&self) {
        self.0.warned_no_sleep.call_once(|| {
            tracing::warn!(
                target: "outlay",
                "the client has no async sleep implementation, which asking STS needs: the signers of calls stay unknown"
            );
        });
    }

    fn warn_changing_credentials(&self) {
        self.0.warned_changing_credentials.call_once(|| {
            tracing::warn!(
                target: "outlay",
                "the client's credentials provider returns new credentials each time it is asked: the signers of its \
                 calls stay unknown; give the client an identity cache"
            );
        });
    }
}

impl Flight {
    /// Returns a flight if there is room for one and no back-off. A lack of room is not a failure.
    fn begin(principals: &Principals, cell: &Arc<SignerCell>, engine: &Engine) -> Option<Self> {
        let room = |flights: usize| (flights < MAX_FLIGHTS).then_some(flights + 1);
        principals.0.flights.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        if !cell.begin(engine.now()) {
            principals.0.flights.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let (principals, cell, engine) = (principals.clone(), cell.clone(), engine.clone());
        Some(Self { principals, cell, engine, is_sent: false, is_answered: false })
    }

    fn end(mut self, provider: &CredentialsProvider, found: Result<Signer, LookupError>) {
        self.is_answered = true;
        match found {
            Ok(signer) => {
                provider.returned_matching();
                self.cell.answered(signer);
            }
            Err(LookupError::OtherCredentials) => {
                provider.returned_other(self.engine.now());
                self.cell.failed(self.engine.now());
            }
            Err(LookupError::Failed(failure)) => {
                if self.cell.failed(self.engine.now()) {
                    tracing::warn!(
                        target: "outlay",
                        reason = %failure,
                        "the signer of a call could not be found out: STS is asked again later"
                    );
                }
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.principals.0.flights.fetch_sub(1, Ordering::Relaxed);
        match (self.is_sent, self.is_answered) {
            (_, true) => {}
            (false, _) => self.cell.not_sent(),
            // The runtime was shut down.
            (true, false) => drop(self.cell.failed(self.engine.now())),
        }
    }
}

impl fmt::Debug for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principals").finish_non_exhaustive()
    }
}
