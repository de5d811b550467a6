use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::client::customize::CustomizableOperation;
use aws_sdk_bedrockruntime::config::Builder;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use outlay_otel::Engine;

use crate::OutlayInterceptor;
use crate::wait_for_shared_budget::WaitForStore;

/// Returns the same client, metered.
#[must_use]
pub fn metered_client(client: Client, engine: &Engine) -> Client {
    if engine.is_disabled() {
        return client;
    }
    Client::from_conf(metered_config(client.config().to_builder(), engine).build())
}

/// Returns the same configuration, metered. If the engine has a budget store, calls wait for it in an identity cache
/// around the existing or default one.
#[must_use]
pub fn metered_config(mut config: Builder, engine: &Engine) -> Builder {
    if !engine.is_disabled() {
        // Permanent, so that the SDK does not check at each hook whether it is disabled.
        config.push_interceptor(SharedInterceptor::permanent(OutlayInterceptor::new(engine)));
        // Without a store, the SDK's own cache stays in place.
        if engine.has_budget_store() {
            // A builder does not expose its settings, but the configuration that it builds does.
            let built = config.clone().build();
            if !WaitForStore::is_around(&built) {
                config.set_identity_cache(WaitForStore::around(&built));
            }
        }
    }
    config
}

/// Returns the same operation, metered.
#[must_use]
pub fn metered_operation<T, E, B>(
    operation: CustomizableOperation<T, E, B>,
    engine: &Engine,
) -> CustomizableOperation<T, E, B> {
    if engine.is_disabled() { operation } else { operation.interceptor(OutlayInterceptor::new(engine)) }
}
