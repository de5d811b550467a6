use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::client::customize::CustomizableOperation;
use aws_sdk_bedrockruntime::config::Builder;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use outlay_otel::Engine;

use crate::OutlayInterceptor;
use crate::wait_for_shared_budget::HeldToStore;

mod sealed {
    pub trait Sealed {}
}

/// Adds metering to a Bedrock client, to a client's configuration, or to a single operation.
///
/// Metering what is metered already changes nothing but for a warning: each call counts once.
pub trait Metered: sealed::Sealed + Sized {
    /// The same, metered. It keeps its type, its configuration, its plugins and its components.
    ///
    /// Calls made inside a task belong to that task and its `Outlay`, whichever client makes them; `outlay` serves
    /// those made outside.
    ///
    /// Where `outlay` has a budget store, a client and a configuration get an identity cache besides, around the one that
    /// they have or would be given: before it a call waits for the store of its task's `Outlay`. A single operation gets
    /// none, and neither does a client of an `outlay` without a store: inside a task of one that has a store, it goes by
    /// the store's rule for calls that cannot wait.
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
            // Permanent: the SDK need not ask at each hook whether somebody has switched it off.
            self.push_interceptor(SharedInterceptor::permanent(OutlayInterceptor::new(engine)));
            // Whoever has no store is to have no cache but the SDK's own.
            if engine.has_budget_store() {
                // A builder does not tell what it has been given; what it builds does.
                let config = self.clone().build();
                if !HeldToStore::is_around(&config) {
                    self.set_identity_cache(HeldToStore::around(&config));
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
