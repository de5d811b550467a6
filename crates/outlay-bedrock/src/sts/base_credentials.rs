//! Asks a client's identity cache for the client's own credentials.

use aws_smithy_types::config_bag::{ConfigBag, Layer, Storable, StoreReplace};

/// Requests the client's own credentials, whatever the current scope is.
#[derive(Debug)]
pub(crate) struct BaseOnly;

impl Storable for BaseOnly {
    type Storer = StoreReplace<Self>;
}

/// Returns a configuration that makes an identity cache return the client's own credentials.
pub(crate) fn base_only() -> ConfigBag {
    let mut layer = Layer::new("OutlayBaseOnly");
    layer.store_put(BaseOnly);
    ConfigBag::of_layers(vec![layer])
}
