//! The tap on a streamed answer: it hands every byte on as it is, and reads along.

mod drain;
mod frames;
mod seen;
mod tap;
mod watch;
mod whole;

pub(crate) use seen::{Ended, Seen};
pub(crate) use tap::tap;
pub(crate) use whole::collect;
