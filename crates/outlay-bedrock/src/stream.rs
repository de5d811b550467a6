//! Reads answers along: every byte is handed on as it is.

mod drain;
mod frames;
mod seen;
mod sent;
mod tap;
mod watch;
mod whole;

use std::sync::Arc;

use aws_smithy_types::body::SdkBody;

use crate::call::Call;

pub(crate) use seen::{Ended, Seen};
pub(crate) use sent::{Sent, tell_sent};

/// An answer's body, read along for `call` by whoever reads it.
pub(crate) fn read_along(body: SdkBody, call: &Arc<Call>) -> SdkBody {
    match call.engine() {
        Some(engine) if call.kind().is_stream() => tap::tap(body, call.clone(), engine),
        Some(_) => whole::collect(body, call.clone()),
        // Settled already: nobody waits for what it says.
        None => body,
    }
}
