//! What asking the Security Token Service takes, whatever it is asked for.

mod arn;
mod back_off;
mod bounded;
mod failure;
mod stable_hash;

pub(crate) use arn::caller_of;
pub(crate) use back_off::{BackOff, Mark};
pub(crate) use bounded::Bounded;
pub(crate) use failure::Failure;
pub(crate) use stable_hash::stable_hash;
