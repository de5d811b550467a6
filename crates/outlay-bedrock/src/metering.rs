//! A call's entry in the SDK's state.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use outlay_otel::{Engine, TracedScope};

use crate::call::{Call, HeldCall};

/// A call as it passes the hooks: one entry in the SDK's state, for each look-up in there costs.
#[derive(Debug)]
pub(crate) struct Metering {
    pub(crate) scope: TracedScope,
    /// The engine of the scope: it serves the call, whichever client makes it.
    pub(crate) engine: Engine,
    pub(crate) started: SystemTime,
    /// Which interceptor began it: where two are set, the first one meters.
    pub(crate) by: usize,
    /// Set once the operation is known to be one that is metered.
    pub(crate) call: OnceLock<HeldCall>,
}

impl Metering {
    /// Returns the call, once the operation is known to be one that is metered.
    pub(crate) fn call(&self) -> Option<&Arc<Call>> {
        self.call.get().map(|held| &held.0)
    }
}

impl Storable for Metering {
    type Storer = StoreReplace<Self>;
}

/// Returns the call that is under way, whichever interceptor meters it.
pub(crate) fn call_of(cfg: &ConfigBag) -> Option<&Arc<Call>> {
    cfg.load::<Metering>()?.call()
}
