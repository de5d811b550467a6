//! Metering for `aws-sdk-bedrockruntime`.
//!
//! ```no_run
//! use outlay::Outlay;
//! use outlay::bedrock::Metered as _;
//!
//! # fn f(aws_config: &aws_sdk_bedrockruntime::config::Config) {
//! let outlay = Outlay::builder().build();
//! let client = aws_sdk_bedrockruntime::Client::from_conf(aws_config.clone()).metered(&outlay);
//! # }
//! ```

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::client::customize::CustomizableOperation;
use aws_sdk_bedrockruntime::config::Builder;
#[cfg(feature = "control-plane")]
pub use outlay_bedrock::ControlPlane;
pub use outlay_bedrock::OutlayInterceptor;
#[cfg(feature = "sts")]
pub use outlay_bedrock::{Identities, Principals, Workflow};
pub use outlay_otel::DroppedStream;

use crate::Outlay;

mod sealed {
    pub trait Sealed {}
}

/// Adds metering to a Bedrock client, to a client's configuration, or to a single operation.
///
/// Metering something twice only causes a warning: each call counts once.
pub trait Metered: sealed::Sealed + Sized {
    /// Returns the same value, metered. Its type, configuration, plugins and components stay the same.
    ///
    /// Calls made inside a task belong to that task and its `Outlay`, whichever client makes them. `outlay` meters calls
    /// made outside a task.
    ///
    /// If `outlay` has a budget store, a client and a configuration also get an identity cache around their existing or
    /// default one. There a call waits for the store of its task's `Outlay`. A single operation gets none, and neither does
    /// a client of an `outlay` without a store: inside a task of an `Outlay` that has a store, its calls follow the store's
    /// rule for calls that cannot wait.
    #[must_use]
    fn metered(self, outlay: &Outlay) -> Self;
}

impl sealed::Sealed for Client {}

impl Metered for Client {
    fn metered(self, outlay: &Outlay) -> Self {
        outlay_bedrock::metered_client(self, outlay.engine())
    }
}

impl sealed::Sealed for Builder {}

impl Metered for Builder {
    fn metered(self, outlay: &Outlay) -> Self {
        outlay_bedrock::metered_config(self, outlay.engine())
    }
}

impl<T, E, B> sealed::Sealed for CustomizableOperation<T, E, B> {}

impl<T, E, B> Metered for CustomizableOperation<T, E, B> {
    fn metered(self, outlay: &Outlay) -> Self {
        outlay_bedrock::metered_operation(self, outlay.engine())
    }
}

/// Returns the interceptor that [`Metered`] adds, to add it by hand. With a budget store, calls then do not wait for the
/// store, and follow its rule for calls that cannot wait.
pub fn interceptor(outlay: &Outlay) -> OutlayInterceptor {
    OutlayInterceptor::new(outlay.engine())
}
