use std::fmt;
use std::time::Duration;

use crate::connection::Target;
use crate::{ConnectError, RedisBudgets};

/// What becomes of calls while Redis cannot be asked: it is gone, or slower than the time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenDown {
    /// They are refused, with [`RefusalReason::StoreUnavailable`](outlay_ledger::RefusalReason::StoreUnavailable). No limit
    /// is passed.
    Refuse,
    /// Each process goes on until what it has let through, and Redis does not know of yet, comes to so many percent of a
    /// budget's limit, or to what was left of it when Redis last said so; then it refuses. In an outage, so many processes
    /// pass a limit by at most so many times that share, together.
    Lease {
        /// In percent of each budget's limit.
        percent: u8,
    },
    /// They are let through and marked: `outlay.budget.store` = `down` on the call's span. A limit is passed by whatever is
    /// spent meanwhile.
    AllowAndMark,
}

impl Default for WhenDown {
    /// A tenth of each budget, for each process.
    fn default() -> Self {
        Self::Lease { percent: 10 }
    }
}

/// What becomes of what a process has reserved that has not been heard of for as long as
/// [`Builder::expire_after`] says: it was killed, or cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnExpiry {
    /// It counts as spent: the calls may have been sent, and cost up to their bound. Should the process come back and settle
    /// them after all, they are set right.
    #[default]
    Spend,
    /// It is given back, as if nothing had been sent. A limit can be passed by what the calls came to.
    Release,
}

/// A hundred years: Redis takes no time that ends beyond what 64 bits hold.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Sets up [`RedisBudgets`].
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

    /// Which processes share budgets: those of the same namespace on the same Redis. All keys of a namespace begin with
    /// `{outlay:<namespace>}`, and so are in one slot of a cluster. Defaults to `default`.
    pub fn namespace(mut self, namespace: &str) -> Self {
        // The first brace ends what a cluster looks at.
        self.namespace = namespace.replace(['{', '}'], "_");
        self
    }

    /// How long a call waits for Redis, at most. Defaults to 50 milliseconds; at least 1.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit.max(Duration::from_millis(1));
        self
    }

    /// What becomes of calls while Redis cannot be asked. Defaults to a lease of 10 percent.
    pub const fn when_down(mut self, what: WhenDown) -> Self {
        self.when_down = what;
        self
    }

    /// After how long without a sign of a process what it has reserved expires. It gives one at least three times as often,
    /// from a thread of its own, however long a call takes. Defaults to 30 seconds; at least 100 milliseconds.
    pub fn expire_after(mut self, time: Duration) -> Self {
        self.expire_after = time.clamp(Duration::from_millis(100), LONGEST);
        self
    }

    /// What becomes of what has expired. Defaults to counting it as spent.
    pub const fn on_expiry(mut self, what: OnExpiry) -> Self {
        self.on_expiry = what;
        self
    }

    /// After how long without a call Redis forgets a budget that has no period, with what was spent of it. One that has a
    /// period is forgotten a day after that in any case. Defaults to 90 days.
    pub fn forget_after(mut self, time: Duration) -> Self {
        self.forget_after = time.clamp(Duration::from_secs(1), LONGEST);
        self
    }

    /// The budgets, once Redis has answered.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] where it does not, within 5 seconds.
    pub async fn connect(self) -> Result<RedisBudgets, ConnectError> {
        RedisBudgets::start(self)?.connected().await
    }

    /// The budgets, at once: until Redis answers, calls go by [`when_down`](Self::when_down). For an application that is to
    /// start without it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] where no thread can be had.
    pub fn connect_lazily(self) -> Result<RedisBudgets, ConnectError> {
        RedisBudgets::start(self)
    }
}

/// Without the address, which may hold a password.
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
    use super::*;

    #[test]
    fn an_address_with_its_password_is_shown_nowhere() {
        let builder = RedisBudgets::builder("redis://user:hunter2@localhost").unwrap();
        assert!(!format!("{builder:?}").contains("hunter2"));
        let error = RedisBudgets::builder("redis://user:hunter2@local host:x").unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(!format!("{error} {error:?} {source:?}").contains("hunter2"), "{error:?}");
    }
}
