//! Reads answers as their bytes pass. Every byte is passed on unchanged.

mod chunk_decoder;
mod collect_body;
mod count_sent;
mod drain_dropped;
mod frames;
mod read_events;
mod tap_body;

use std::sync::Arc;

use aws_smithy_types::body::SdkBody;

use crate::call::Call;

pub(crate) use count_sent::count_sent;

/// Wraps the body of an answer, so that its usage is read for `call` as it passes.
pub(crate) fn tap_answer(body: SdkBody, call: &Arc<Call>) -> SdkBody {
    if !call.is_open() {
        // The call has settled: nothing in the body is needed.
        return body;
    }
    match call.kind().is_stream() {
        true => tap_body::tap(body, call.clone()),
        false => collect_body::collect(body, call.clone()),
    }
}
