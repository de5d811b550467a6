//! Resolves the identity that the SDK signs a request with.

use std::sync::Once;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{
    GetIdentityResolver as _, RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;
use outlay_otel::{CallIdentity, Engine, TracedScope, current};

use super::session_cache::SessionCache;
use super::session_key::SessionKey;
use super::workflow::Workflow;
use crate::metering_entry::Metering;
use crate::sts::BaseOnly;
use crate::validate_inner_cache;
use crate::wait_for_shared_budget::admission;

/// An identity cache that returns the identity of a request's workflow, else that of the client's own cache.
///
/// This is a cache and not a credentials provider, because the SDK asks its cache at every attempt with the request's
/// own configuration. It asks a provider only if the cache is empty, so the identity of one workflow would be used
/// for all.
#[derive(Debug)]
pub(super) struct WorkflowIdentities {
    sessions: SessionCache,
    base: SharedIdentityCache,
    warned_no_clock: Once,
}

impl WorkflowIdentities {
    pub(super) const fn new(sessions: SessionCache, base: SharedIdentityCache) -> Self {
        Self { sessions, base, warned_no_clock: Once::new() }
    }

    fn warn_no_clock(&self) {
        self.warned_no_clock.call_once(|| {
            tracing::warn!(
                target: "outlay",
                "the client lacks a time source or an async sleep implementation, which assuming roles needs: all calls \
                 are signed with its own credentials"
            );
        });
    }

    /// Limits the wait, so that a call with a timeout does not spend all of it on STS.
    fn max_wait(&self, cfg: &ConfigBag) -> Duration {
        let timeouts = cfg.load::<TimeoutConfig>();
        let of = |timeout: fn(&TimeoutConfig) -> Option<Duration>| timeouts.and_then(timeout).map(|most| most / 2);
        let limits = [of(TimeoutConfig::operation_timeout), of(TimeoutConfig::operation_attempt_timeout)];
        limits.into_iter().flatten().fold(self.sessions.settings().max_wait, Duration::min)
    }

    fn scope(&self, cfg: &ConfigBag) -> Option<TracedScope> {
        if cfg.load::<BaseOnly>().is_some() {
            return None;
        }
        cfg.load::<Metering>().map(|metering| metering.scope.clone()).or_else(current)
    }

    fn session_key(&self, scope: &TracedScope) -> Option<SessionKey> {
        if Engine::of(scope).is_disabled() || scope.is_unattributed() {
            return None;
        }
        let workflow = Workflow { task: scope.in_ledger().task_name(), dimensions: scope.in_ledger().dimensions() };
        SessionKey::of(&workflow, self.sessions.settings())
    }
}

impl ResolveCachedIdentity for WorkflowIdentities {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        cfg: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let metering = cfg.load::<Metering>();
        let key = self.scope(cfg).filter(|_| signs(&resolver, components)).and_then(|scope| self.session_key(&scope));
        let Some(key) = key else { return self.base.resolve_cached_identity(resolver, components, cfg) };
        let (Some(clock), Some(sleep)) = (components.time_source(), components.sleep_impl()) else {
            self.warn_no_clock();
            return self.base.resolve_cached_identity(resolver, components, cfg);
        };
        // Needed because either of the two caches can contain the other.
        let admission = admission(cfg);
        IdentityFuture::new(async move {
            if let Some(admission) = admission {
                admission.await?;
            }
            let assumed = self.sessions.assumed(&key, &clock, &sleep, self.max_wait(cfg)).await;
            if let Some(call) = metering.and_then(Metering::call) {
                let identity = if assumed.is_some() { CallIdentity::Assumed } else { CallIdentity::Fallback };
                call.attempt_identified(identity, assumed.as_ref().and_then(|assumed| assumed.signer.as_ref()));
            }
            match assumed {
                Some(assumed) => Ok(assumed.identity.clone()),
                None => self.base.resolve_cached_identity(resolver, components, cfg).await,
            }
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        cfg: &ConfigBag,
    ) -> Result<(), BoxError> {
        validate_inner_cache::for_client(&self.base, components, cfg)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, cfg: &ConfigBag) -> Result<(), BoxError> {
        validate_inner_cache::for_operation(&self.base, components, cfg)
    }
}

/// Returns whether AWS credentials are requested, and not the token of an API key.
fn signs(resolver: &SharedIdentityResolver, components: &RuntimeComponents) -> bool {
    let is = |scheme| {
        let signer = components.identity_resolver(AuthSchemeId::from(scheme));
        signer.is_some_and(|signer| signer.cache_partition() == resolver.cache_partition())
    };
    is("sigv4") || is("sigv4a")
}
