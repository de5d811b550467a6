//! Validates the identity cache inside one of ours.
//!
//! The SDK validates a shared cache only as part of the components that hold it.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

/// Validates the inner cache for the configuration of a client.
pub(crate) fn for_client(
    inner: &SharedIdentityCache,
    components: &RuntimeComponentsBuilder,
    cfg: &ConfigBag,
) -> Result<(), BoxError> {
    components.clone().with_identity_cache(Some(inner.clone())).validate_base_client_config(cfg)
}

/// Validates the inner cache for the configuration of an operation.
pub(crate) fn for_operation(
    inner: &SharedIdentityCache,
    components: &RuntimeComponents,
    cfg: &ConfigBag,
) -> Result<(), BoxError> {
    components.to_builder().with_identity_cache(Some(inner.clone())).build()?.validate_final_config(cfg)
}
