//! A refused call fails with the refusal as the source of the SDK's error.

use aws_smithy_runtime_api::box_error::BoxError;
use outlay_ledger::Refusal;

/// Returns what a hook returns for a refused call. The SDK wraps it: `ConstructionFailure` from the first hooks,
/// `DispatchFailure` from an attempt's. The application finds the refusal in the error's sources.
pub(crate) fn sdk_error(refusal: Refusal) -> BoxError {
    refusal.into_error()
}
