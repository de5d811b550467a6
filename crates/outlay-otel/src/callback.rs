//! Calls to code that the application supplies.

/// Calls code that the application supplies, and returns `None` if it panics. The panic is logged under this name, and reaches
/// neither a call nor the books.
pub fn guarded<T>(name: &str, callback: impl FnOnce() -> T) -> Option<T> {
    let result = outlay_ledger::guarded(callback);
    if result.is_none() {
        tracing::warn!(target: "outlay", "what {name} was given has panicked: it is as if it had said nothing");
    }
    result
}
