//! The application's code that we call.

/// Calls the application's code, which goes by this name. A panic in it is its own affair: it is told, and reaches neither a
/// call nor the books.
pub fn guarded<T>(name: &str, callback: impl FnOnce() -> T) -> Option<T> {
    let result = outlay_ledger::guarded(callback);
    if result.is_none() {
        tracing::warn!(target: "outlay", "what {name} was given has panicked: it is as if it had said nothing");
    }
    result
}
