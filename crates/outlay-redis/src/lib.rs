//! Shared budgets for a fleet of processes, on Redis.
//!
//! On its own, a `BudgetRule` ("each team 20 dollars a day") covers the tasks of one process. With [`RedisBudgets`], it
//! covers the tasks of all processes with the same rule, the same Redis and the same [namespace](Builder::namespace). It is
//! exact to the pico-dollar: when 8 processes make 10,000 calls at once, they exceed a limit only by the amounts by which
//! calls exceed their own bounds.
//!
//! ```no_run
//! use outlay_ledger::{Budget, BudgetRule, Ledger, Period};
//! use outlay_price::Usd;
//! use outlay_redis::RedisBudgets;
//!
//! # async fn f() -> Result<(), outlay_redis::ConnectError> {
//! let budgets = RedisBudgets::connect("redis://127.0.0.1:6379").await?;
//! let rule = BudgetRule::new("teams", Budget::new(Usd::from_dollars(20)).soft(80)).per("team").every(Period::Day);
//! // With the crate `outlay`: `Outlay::builder().budget_store(budgets.clone()).budget_rule(rule).build()`.
//! let ledger = Ledger::builder().budget_store(budgets.clone()).budget_rule(rule).build();
//! // Before the process ends:
//! budgets.flush(std::time::Duration::from_secs(1)).await;
//! # drop(ledger);
//! # Ok(())
//! # }
//! ```
//!
//! # On the path of a call
//!
//! Before a call is sent, one script reserves the maximum cost of the call in all of its shared budgets, or in none. That
//! is one round trip, however many budgets there are. The actual cost is written in the background, many calls in one
//! script, in the order in which the calls end. Other processes see it a moment later; until then the reservation holds its
//! place. A dedicated thread talks to Redis, so a runtime that is busy or shutting down does not delay it.
//!
//! A call waits for at most [`Builder::time_limit`] (50 milliseconds by default). Once Redis has failed to answer within
//! that time, or the connection is lost, calls no longer wait. They wait again once Redis answers within the limit and has
//! received everything that was spent in the meantime.
//!
//! # When Redis is slow or unreachable
//!
//! | [`WhenDown`] | a call | maximum overrun of a limit |
//! |---|---|---|
//! | `Refuse` | is refused, with `RefusalReason::StoreUnavailable` | none |
//! | `Lease { percent }` (10 by default) | proceeds until the spending that its process has let through, and that Redis does not know of yet, reaches that percentage of the limit, or what was left when Redis last reported it; then it is refused | in an outage, the share times the number of processes |
//! | `AllowAndMark` | proceeds | what is spent during the outage |
//!
//! A call that was decided by this rule has `outlay.budget.store` = `down` on its span; a call that Redis has checked has
//! `ok`. Calls that proceeded unchecked are counted in `outlay.budget.unchecked`.
//!
//! What is spent during an outage is written exactly once when Redis is back. Batches are numbered: a batch that arrives
//! twice, because its answer was lost, counts once. Each answer reports the current usage of the batch's budgets, so a
//! lease also ends while Redis accepts writes but is too slow to be asked. Until Redis is back, unreserved spending is
//! summed by budget and hour. At most 100,000 settlements of reserved calls are queued; those beyond that are lost, and the
//! loss is logged.
//!
//! A reservation that Redis makes after its call has stopped waiting is released. A process that ends before Redis is back
//! loses what it has not written. When a node has become a replica, the process opens a new connection to the same address.
//!
//! Redis may come back with older data: from a snapshot, or from a replica that had not received every write. What was
//! spent since is then missing from its budgets; the log and [`RedisBudgets::flush`] report it. Each process expires its
//! own reservations that came back although they were settled, according to [`OnExpiry`]. Open reservations stay.
//!
//! If the code and a policy set several limits with one name, all enforced limits apply. An observed limit beside an
//! enforced one is not reported, and a lease is a share of the nearest limit.
//!
//! [`WhenDown`] also applies to a budget whose key holds other data, and to calls that cannot wait: those of an operation
//! with its own credentials or identity cache.
//!
//! # When a process dies
//!
//! Each process sends heartbeats. If a process sends none for [`Builder::expire_after`] (30 seconds by default), its
//! reservations expire: they count as spent, because the calls may have been sent ([`OnExpiry::Spend`]), or they are
//! released ([`OnExpiry::Release`]). A process that was only cut off corrects its calls when it settles them.
//!
//! # In Redis
//!
//! | key, after `{outlay:<namespace>}:` | content |
//! |---|---|
//! | `budget:<unit>\|<period>\|<name>:<number>` | a hash: `spent` and `reserved`, in pico-dollars or as a count, and in `told` the last soft limit that was reported |
//! | `owners` | the processes, by the time at which they expire |
//! | `sign` | the time of the last heartbeat of any process: after a gap, all processes get their full time again |
//! | `held:`, `voided:`, `expired:`, `batch:`, `older:<process>` | the process's reservations, its withdrawn requests, its expired reservations, its last batch (until an hour after the process has ended), and a mark that some of its batches are missing |
//!
//! All keys of a namespace are in one slot of a cluster, and so on one node; several namespaces use several slots. Names
//! may contain any characters. A name longer than 200 bytes is truncated, and made unique by its hash.
//!
//! Amounts are integers, exact up to 10<sup>27</sup> pico-dollars (10<sup>15</sup> dollars). A higher limit is capped at
//! that, and a credit takes no budget below zero. Periods follow the clock of Redis, whatever the clocks of the processes
//! say. The key of a budget with a period is deleted a day after the period ends (for a month, within 32 days); the key of
//! a budget without one, after 90 days without a request ([`Builder::forget_after`]). A soft limit is reported once per
//! fleet and period, and again if it is raised, by the process that reaches it, on a dedicated thread. Each process applies
//! its own limits: while a new policy is rolled out, the old and the new limits are both in use.
//!
//! The crate requires Redis 6.2 or newer, with `EVALSHA` and `SCRIPT LOAD`. Redis loses what it has not persisted: without
//! `appendonly yes` a restart resets all budgets, a failover loses writes that had not reached the replica, and a
//! `maxmemory-policy` other than `noeviction` may evict a budget in use.
//!
//! # Features
//!
//! - `cluster` (on by default) adds [`RedisBudgets::cluster`].
//! - `tls` accepts addresses that begin with `rediss://`, with the certificates that the system trusts. If the process has
//!   no default crypto provider for rustls yet, AWS-LC is installed as the default, as in the AWS SDK.

mod builder;
mod connect_error;
mod deadlines;
mod keys;
mod known_spending;
mod lease;
mod on_expiry;
mod queue;
mod redis_budgets;
mod redis_connection;
mod redis_reply;
mod reported_usage;
mod scripts;
mod shared_state;
mod soft_limit_notifier;
mod when_down;
mod worker;

pub use builder::Builder;
pub use connect_error::ConnectError;
pub use on_expiry::OnExpiry;
pub use redis_budgets::RedisBudgets;
pub use when_down::WhenDown;
