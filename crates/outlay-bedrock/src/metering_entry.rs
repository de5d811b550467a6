//! A call's entry in the SDK's state.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use outlay_otel::{Engine, TracedScope};

use crate::call::{Call, CallHandle};

/// A call between the hooks. It is one entry in the SDK's state, because each lookup there has a cost.
#[derive(Debug)]
pub(crate) struct Metering {
    pub(crate) scope: TracedScope,
    /// The scope's engine. It serves the call, whichever client makes it.
    pub(crate) engine: Engine,
    pub(crate) started: SystemTime,
    /// The interceptor that began the call. If two are set, the first one meters.
    pub(crate) interceptor_id: usize,
    /// Set once the operation is known to be metered.
    pub(crate) call: OnceLock<CallHandle>,
}

impl Metering {
    /// Returns the call, if the operation is known to be metered.
    pub(crate) fn call(&self) -> Option<&Arc<Call>> {
        self.call.get().map(|handle| &handle.0)
    }
}

impl Storable for Metering {
    type Storer = StoreReplace<Self>;
}

/// Returns the current call, whichever interceptor meters it.
pub(crate) fn call_of(cfg: &ConfigBag) -> Option<&Arc<Call>> {
    cfg.load::<Metering>()?.call()
}
