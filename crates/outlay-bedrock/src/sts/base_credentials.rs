//! How a client's identity cache is asked for the client's own credentials.

use aws_smithy_types::config_bag::{ConfigBag, Layer, Storable, StoreReplace};

/// Who asks wants the client's own credentials, whatever scope is entered where it asks.
#[derive(Debug)]
pub(crate) struct BaseOnly;

impl Storable for BaseOnly {
    type Storer = StoreReplace<Self>;
}

/// What to ask a client's identity cache with for the client's own credentials.
pub(crate) fn base_only() -> ConfigBag {
    let mut layer = Layer::new("OutlayBaseOnly");
    layer.store_put(BaseOnly);
    ConfigBag::of_layers(vec![layer])
}
