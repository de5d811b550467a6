//! Access to the Security Token Service, shared by the modules that use it.

mod back_off;
mod base_credentials;
mod bounded_map;
mod signer_of_arn;
mod stable_hash;
mod sts_failure;

pub(crate) use back_off::{BackOff, Mark};
pub(crate) use base_credentials::{BaseOnly, base_only};
pub(crate) use bounded_map::BoundedMap;
pub(crate) use signer_of_arn::signer_of_arn;
pub(crate) use stable_hash::stable_hash;
pub(crate) use sts_failure::StsFailure;
