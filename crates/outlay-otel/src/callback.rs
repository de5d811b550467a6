//! Calls to functions of the application.

/// Calls a function of the application. Returns `None` if it panics.
///
/// The panic is logged with `name`, and affects neither a model call nor the ledger.
pub fn guarded<T>(name: &str, callback: impl FnOnce() -> T) -> Option<T> {
    let result = outlay_ledger::guarded(callback);
    if result.is_none() {
        tracing::warn!(target: "outlay", "{name} panicked: Outlay continues as if it had returned nothing");
    }
    result
}
