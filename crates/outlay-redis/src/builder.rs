use std::fmt;
use std::time::Duration;

use crate::on_expiry::OnExpiry;
use crate::redis_connection::Target;
use crate::when_down::WhenDown;

/// The maximum of the configurable times, 100 years: Redis rejects a time whose end does not fit 64 bits.
const MAX_TIME: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A builder for [`RedisBudgets`](crate::RedisBudgets).
#[derive(Clone)]
#[must_use]
pub struct Builder {
    pub(crate) target: Target,
    pub(crate) namespace: String,
    pub(crate) time_limit: Duration,
    pub(crate) when_down: WhenDown,
    pub(crate) expire_after: Duration,
    pub(crate) on_expiry: OnExpiry,
    pub(crate) forget_after: Duration,
}

impl Builder {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            namespace: "default".to_owned(),
            time_limit: Duration::from_millis(50),
            when_down: WhenDown::default(),
            expire_after: Duration::from_secs(30),
            on_expiry: OnExpiry::default(),
            forget_after: Duration::from_secs(90 * 86_400),
        }
    }

    /// Sets the namespace: processes with the same namespace on the same Redis share budgets. All keys of a namespace begin
    /// with `{outlay:<namespace>}`, and so are in one slot of a cluster. Defaults to `default`.
    pub fn namespace(mut self, namespace: &str) -> Self {
        // A closing brace would end the hash tag of the keys.
        self.namespace = namespace.replace(['{', '}'], "_");
        self
    }

    /// Sets how long a call waits for Redis. Defaults to 50 milliseconds; at least 1.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit.max(Duration::from_millis(1));
        self
    }

    /// Sets what happens to calls while Redis is down. Defaults to a lease of 10 percent.
    pub const fn when_down(mut self, when_down: WhenDown) -> Self {
        self.when_down = when_down;
        self
    }

    /// Sets how long after the last heartbeat of a process its reservations expire. A process sends at least three
    /// heartbeats in that time, from a dedicated thread, however long a call takes. Defaults to 30 seconds; at least 100
    /// milliseconds.
    pub fn expire_after(mut self, time: Duration) -> Self {
        self.expire_after = time.clamp(Duration::from_millis(100), MAX_TIME);
        self
    }

    /// Sets what happens to expired reservations. Defaults to counting them as spent.
    pub const fn on_expiry(mut self, on_expiry: OnExpiry) -> Self {
        self.on_expiry = on_expiry;
        self
    }

    /// Sets how long after its last call Redis forgets a budget without a period, with what was spent of it. A budget with
    /// a period is forgotten a day after the period ends in any case. Defaults to 90 days.
    pub fn forget_after(mut self, time: Duration) -> Self {
        self.forget_after = time.clamp(Duration::from_secs(1), MAX_TIME);
        self
    }
}

/// Omits the address, which may contain a password.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("namespace", &self.namespace)
            .field("time_limit", &self.time_limit)
            .field("when_down", &self.when_down)
            .field("expire_after", &self.expire_after)
            .field("on_expiry", &self.on_expiry)
            .field("forget_after", &self.forget_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::RedisBudgets;

    #[test]
    fn debug_output_and_errors_do_not_contain_the_password() {
        let builder = RedisBudgets::builder("redis://user:hunter2@localhost").unwrap();
        assert!(!format!("{builder:?}").contains("hunter2"));
        let error = RedisBudgets::builder("redis://user:hunter2@local host:x").unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(!format!("{error} {error:?} {source:?}").contains("hunter2"), "{error:?}");
    }
}
