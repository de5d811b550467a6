//! Where a call waits for the store of shared budgets: in an identity cache. It is the only place before an attempt
//! is sent where the SDK awaits code that has access to the call's own state.

use std::future::Future;

use aws_sdk_bedrockruntime::Config;
use aws_sdk_bedrockruntime::config::{IdentityCache, SharedIdentityCache};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::{IdentityFuture, ResolveCachedIdentity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

use crate::metering_entry::call_of;
use crate::refusal_to_sdk_error::sdk_error;
use crate::validate_inner_cache;

/// An identity cache in which a call waits for its budgets. It delegates everything else to the inner cache.
#[derive(Debug)]
pub(crate) struct WaitForStore {
    inner: SharedIdentityCache,
}

impl WaitForStore {
    /// Creates a cache around a client's own, or around the SDK's default if it has none.
    pub(crate) fn around(config: &Config) -> Self {
        Self { inner: config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build()) }
    }

    /// Returns whether the configuration's cache already is one of these.
    pub(crate) fn is_around(config: &Config) -> bool {
        config.identity_cache().is_some_and(|cache| format!("{cache:?}").contains("WaitForStore"))
    }
}

/// Returns a future that waits for the store and fails with its refusal. `None` if there is nothing to wait for: no
/// store, or an answer that lets the call proceed.
pub(crate) fn admission(cfg: &ConfigBag) -> Option<impl Future<Output = Result<(), BoxError>> + Send + use<>> {
    let call = call_of(cfg)?.clone();
    let question = call.ask_store();
    if question.is_none() && !call.is_refused() {
        return None;
    }
    Some(async move {
        match question {
            Some(question) => call.store_answered(&question.answer().await),
            // An attempt after a refused one: the application retries what it should not.
            None => call.ask_store_now(),
        }
        .map_err(sdk_error)
    })
}

impl ResolveCachedIdentity for WaitForStore {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        cfg: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let Some(admission) = admission(cfg) else {
            return self.inner.resolve_cached_identity(resolver, components, cfg);
        };
        IdentityFuture::new(async move {
            admission.await?;
            self.inner.resolve_cached_identity(resolver, components, cfg).await
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        cfg: &ConfigBag,
    ) -> Result<(), BoxError> {
        validate_inner_cache::for_client(&self.inner, components, cfg)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, cfg: &ConfigBag) -> Result<(), BoxError> {
        validate_inner_cache::for_operation(&self.inner, components, cfg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without validation, the SDK's own cache panics at the first call without a clock.
    #[test]
    fn the_inner_cache_is_validated() {
        let (none, cfg) = (RuntimeComponentsBuilder::new("no clock, no sleep"), ConfigBag::base());
        let held = |cache| {
            let config = Config::builder().identity_cache(cache).build();
            WaitForStore::around(&config).validate_base_client_config(&none, &cfg)
        };
        let lazy = held(IdentityCache::lazy().build()).unwrap_err().to_string();
        assert!(lazy.contains("time source") || lazy.contains("sleep"), "{lazy}");
        assert!(held(IdentityCache::no_cache()).is_ok());
    }
}
