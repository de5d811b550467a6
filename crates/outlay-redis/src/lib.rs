//! Budgets that a fleet of processes shares, on Redis.
//!
//! A `BudgetRule` ("each team 20 dollars a day") holds the tasks of one process by itself. Given [`RedisBudgets`], it holds
//! those of all processes that have the same rule, the same Redis and the same [namespace](Builder::namespace), to the
//! pico-dollar: 10,000 calls of 8 processes at once pass a limit by nothing but what calls come to beyond their own bounds.
//!
//! ```no_run
//! use outlay_ledger::{Budget, BudgetRule, Ledger, Period};
//! use outlay_price::Usd;
//! use outlay_redis::RedisBudgets;
//!
//! # async fn f() -> Result<(), outlay_redis::ConnectError> {
//! let budgets = RedisBudgets::connect("redis://127.0.0.1:6379").await?;
//! let rule = BudgetRule::new("teams", Budget::new(Usd::from_dollars(20)).soft(80)).per("team").every(Period::Day);
//! // With the crate `outlay` it is `Outlay::builder().budget_store(budgets.clone()).budget_rule(rule).build()`.
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
//! Before a call is sent, one script reserves the most that it can come to in all of its shared budgets, or in none: one
//! round trip, however many budgets there are. What it came to is written in the background, many calls in one script, in
//! the order in which they end: other processes see it a moment later, and until then the reservation holds its place. A
//! thread of its own talks to Redis, so that neither a busy runtime nor one that ends is in the way.
//!
//! A call waits for at most [`Builder::time_limit`] (50 milliseconds unless set). Once Redis has failed to answer in it, or
//! the connection is gone, no call waits any more until Redis answers within that time again, and has all that was spent
//! meanwhile.
//!
//! # When Redis is slow or gone
//!
//! | [`WhenDown`] | a call | a limit is passed by at most |
//! |---|---|---|
//! | `Refuse` | is refused, with `RefusalReason::StoreUnavailable` | nothing |
//! | `Lease { percent }` (10 unless set) | goes on until what its process has let through, and Redis does not know of yet, comes to so many percent of the limit, or to what was left when Redis last said so; then it is refused | in an outage, the share times the number of processes |
//! | `AllowAndMark` | goes on | what is spent meanwhile |
//!
//! A call that went by the rule has `outlay.budget.store` = `down` on its span, one that Redis has checked `ok`; those that
//! went on are counted in `outlay.budget.unchecked`. What was
//! spent meanwhile is written when Redis is back, once: batches are numbered, and one that arrives twice, because its answer
//! got lost, counts once; each says how its budgets stand then, so that a lease ends where Redis takes what is written and is
//! too slow to be asked. Until then it is added up by budget and hour; of calls that had been reserved, 100,000 wait, and what
//! is beyond them is lost and said so in the log. A reservation that Redis makes after nobody waits for it any more is taken back. A process that
//! ends before Redis is back takes what it has not written with it. A node that has become a replica is left, by a new
//! connection to the same address.
//!
//! A Redis may come back with older data: from a snapshot, or from a replica that had not received every write. What was
//! spent since is missing from its budgets; the log and [`RedisBudgets::flush`] say so. Each process expires those of its
//! reservations that came back although they were settled, by [`OnExpiry`]. Open ones stay.
//!
//! Where the code and a policy set several limits of one name, the ones that refuse all hold. One that only observes is not
//! told beside one that refuses, and a lease is a share of the limit that is nearest.
//!
//! The same rule holds a budget whose key holds something else, and calls that cannot wait: those of an operation that has
//! credentials or an identity cache of its own.
//!
//! # When a process dies
//!
//! Each process gives signs of life. What one has reserved that gives none for [`Builder::expire_after`] (30 seconds unless
//! set) expires: it counts as spent, for the calls may have been sent ([`OnExpiry::Spend`]), or is given back
//! ([`OnExpiry::Release`]). A process that was merely cut off sets its calls right when it settles them.
//!
//! # In Redis
//!
//! | key, after `{outlay:<namespace>}:` | |
//! |---|---|
//! | `budget:<unit>\|<period>\|<name>:<number>` | a hash: `spent` and `reserved`, in pico-dollars or ones, and as `told` the soft limit that has been told |
//! | `owners` | the processes, by the time at which they expire |
//! | `sign` | when any of them last gave a sign: after a gap all have their time anew |
//! | `held:`, `voided:`, `expired:`, `batch:`, `older:<process>` | what it has reserved, what it has taken back, what has expired of it, its last batch (for an hour after it has ended), that batches of it are missing |
//!
//! All keys of a namespace are in one slot of a cluster, and so on one node: several namespaces are several slots. Names may
//! hold any characters; beyond 200 bytes a name is cut, and told from others by its hash.
//!
//! Amounts are whole numbers, exact up to 10<sup>27</sup> pico-dollars (10<sup>15</sup> dollars); a limit beyond that is held to
//! that, and a credit takes no budget below zero. Periods are those of the clock of Redis, whatever the clocks of the processes say. The key of a budget with a period
//! goes a day after the period's end (a month's, within 32 days), one without after 90 days in which nobody asks for it
//! ([`Builder::forget_after`]). A soft limit is told once in the fleet and period, and again where it is raised, by the process that reaches it, on a thread of its own. A limit is
//! that of the process that asks: while a new policy is rolled out, each goes by its own.
//!
//! It needs Redis 6.2 or newer, with `EVALSHA` and `SCRIPT LOAD`. Redis forgets what it has not kept: without
//! `appendonly yes` a restart begins all budgets anew, a failover loses what had not reached the replica, and a
//! `maxmemory-policy` other than `noeviction` may drop a budget in use.
//!
//! # Features
//!
//! `cluster` (on by default): [`RedisBudgets::cluster`]. `tls`: addresses that begin with `rediss://`, with the
//! certificates that the system trusts. Where the process has no default provider of cryptography for rustls yet, AWS-LC
//! becomes that, as it is in the AWS SDK.

mod budgets;
mod connection;
mod deadline;
mod error;
mod keys;
mod lease;
mod link;
mod queue;
mod settings;
mod teller;
mod worker;

pub use budgets::RedisBudgets;
pub use error::ConnectError;
pub use settings::{Builder, OnExpiry, WhenDown};
