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

#[cfg(feature = "control-plane")]
pub use outlay_bedrock::ControlPlane;
#[cfg(feature = "sts")]
pub use outlay_bedrock::{Identities, Principals, Workflow};
pub use outlay_bedrock::{Metered, OutlayInterceptor};
