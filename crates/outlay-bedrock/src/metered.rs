use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::client::customize::CustomizableOperation;
use aws_sdk_bedrockruntime::config::Builder;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use outlay_otel::Engine;

use crate::OutlayInterceptor;
use crate::wait_for_shared_budget::WaitForStore;

mod sealed {
    pub trait Sealed {}
}

/// Adds metering to a Bedrock client, to a client's configuration, or to a single operation.
///
/// Metering something twice only causes a warning: each call counts once.
pub trait Metered: sealed::Sealed + Sized {
    /// Returns the same value, metered. Its type, configuration, plugins and components stay the same.
    ///
    /// Calls made inside a task belong to that task and its `Outlay`, whichever client makes them. `outlay` meters
    /// calls made outside a task.
    ///
    /// If `outlay` has a budget store, a client and a configuration also get an identity cache around their existing
    /// or default one. There a call waits for the store of its task's `Outlay`. A single operation gets none, and
    /// neither does a client of an `outlay` without a store: inside a task of an `Outlay` that has a store, its calls
    /// follow the store's rule for calls that cannot wait.
    #[must_use]
    fn metered(self, outlay: &impl AsRef<Engine>) -> Self;
}

impl sealed::Sealed for Client {}

impl Metered for Client {
    fn metered(self, outlay: &impl AsRef<Engine>) -> Self {
        let engine = outlay.as_ref();
        if engine.is_disabled() {
            return self;
        }
        Self::from_conf(self.config().to_builder().metered(engine).build())
    }
}

impl sealed::Sealed for Builder {}

impl Metered for Builder {
    fn metered(mut self, outlay: &impl AsRef<Engine>) -> Self {
        let engine = outlay.as_ref();
        if !engine.is_disabled() {
            // Permanent, so that the SDK does not check at each hook whether it is disabled.
            self.push_interceptor(SharedInterceptor::permanent(OutlayInterceptor::new(engine)));
            // Without a store, the SDK's own cache stays in place.
            if engine.has_budget_store() {
                // A builder does not expose its settings, but the configuration that it builds does.
                let config = self.clone().build();
                if !WaitForStore::is_around(&config) {
                    self.set_identity_cache(WaitForStore::around(&config));
                }
            }
        }
        self
    }
}

impl<T, E, B> sealed::Sealed for CustomizableOperation<T, E, B> {}

impl<T, E, B> Metered for CustomizableOperation<T, E, B> {
    fn metered(self, outlay: &impl AsRef<Engine>) -> Self {
        let engine = outlay.as_ref();
        if engine.is_disabled() { self } else { self.interceptor(OutlayInterceptor::new(engine)) }
    }
}
