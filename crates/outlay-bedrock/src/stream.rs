//! The tap on a streamed answer: it hands every byte on as it is, and reads along.

mod drain;
mod frames;
mod seen;
mod tap;
mod watch;

pub(crate) use seen::{Ended, Seen};
pub(crate) use tap::tap;
