//! Converts a refusal to the error that a hook returns.

use aws_smithy_runtime_api::box_error::BoxError;
use outlay_ledger::Refusal;

/// Returns the error that a hook returns for a refused call. The SDK wraps it in a `ConstructionFailure` in the first
/// hooks, and in a `DispatchFailure` in an attempt's hooks. The application finds the refusal among the error's
/// sources.
pub(crate) fn sdk_error(refusal: Refusal) -> BoxError {
    refusal.into_error()
}
