//! The commands that are sent to Redis. Most are single calls of a script.

use std::time::Duration;

use outlay_ledger::{Period, StoreAnswer, StoreAsk, StoreBudget, StoreFigures};
use redis::{Cmd, FromRedisValue, RedisError, RedisResult, Script, Value};

use crate::builder::Builder;
use crate::keys;
use crate::on_expiry::OnExpiry;
use crate::queue::{Batch, Entry};
use crate::redis_connection::{Connection, Target};
use crate::reported_usage::ReportedUsage;

/// The maximum amount, to which larger ones are clamped: 10^27 pico-dollars, or 10^15 dollars. The scripts cannot hold more
/// digits.
const MAX_UNITS: i128 = 10_i128.pow(27);
/// How long the number of the last batch is kept after its process has ended, in ms. No command takes longer to arrive.
const ENDED_TTL: u64 = 3_600_000;
/// How long the scripts keep the number of the last batch of a running process, in ms.
const BATCH_TTL: u64 = 7 * 86_400_000;

/// Index of the entry, index of the hold, spent units, used units, and the ms until the period ends.
type UsageRow = (usize, usize, String, String, i64);

/// The scripts, with the arguments that stay the same.
#[derive(Debug)]
pub(crate) struct Scripts {
    reserve: Script,
    settle: Script,
    reconcile: Script,
    sources: [String; 3],
    prefix: String,
    owner: String,
    ttl: u64,
    idle: u64,
    on_expiry: &'static str,
}

/// The answer of Redis to an ask.
#[derive(Debug)]
pub(crate) struct ReserveResult {
    pub(crate) answer: StoreAnswer,
    pub(crate) usage: Vec<ReportedUsage>,
}

/// The answer of Redis to a batch.
#[derive(Debug, Default)]
pub(crate) struct SettleResult {
    /// The number of figures that could not be written, because their key holds other data.
    pub(crate) lost: u64,
    /// The number of reservations of other processes that expired.
    pub(crate) expired: u64,
    /// Whether more reservations are due to expire.
    pub(crate) has_more: bool,
    /// Whether written batches are missing, because Redis has come back with older data.
    pub(crate) is_older: bool,
    /// The time of Redis.
    pub(crate) now: Duration,
    /// The reached soft limits: index of the entry, index of the hold, spent, reserved.
    pub(crate) reached: Vec<(usize, usize, String, String)>,
    /// The current usage of budgets, with the index of their entry.
    pub(crate) usage: Vec<(usize, ReportedUsage)>,
}

impl Scripts {
    pub(crate) fn new(settings: &Builder, owner: String) -> Self {
        let on_expiry = match settings.on_expiry {
            OnExpiry::Spend => "spend",
            OnExpiry::Release => "release",
        };
        let (common, expire) = (include_str!("scripts/common.lua"), include_str!("scripts/expire.lua"));
        let sources = [
            [common, include_str!("scripts/reserve.lua")].concat(),
            [common, expire, include_str!("scripts/settle.lua")].concat(),
            [common, expire, include_str!("scripts/reconcile.lua")].concat(),
        ];
        Self {
            reserve: Script::new(&sources[0]),
            settle: Script::new(&sources[1]),
            reconcile: Script::new(&sources[2]),
            sources,
            prefix: keys::prefix(&settings.namespace),
            // Another process that expires the reservations of this owner applies this owner's rule.
            owner: format!("{owner}-{on_expiry}"),
            ttl: millis(settings.expire_after),
            idle: millis(settings.forget_after),
            on_expiry,
        }
    }

    pub(crate) async fn connect(&self, target: &Target, limit: Duration) -> RedisResult<Connection> {
        let mut connection = target.connect(limit).await?;
        self.load(&mut connection).await?;
        Ok(connection)
    }

    /// Reserves for an ask. Returns `None` if the ask was withdrawn in the meantime.
    pub(crate) async fn reserve(
        &self,
        connection: &mut Connection,
        ask: &StoreAsk,
    ) -> RedisResult<Option<ReserveResult>> {
        let holds = ask.holds();
        let mut command = evaluate(&self.reserve, 3 + holds.len());
        command.arg(self.key("owners")).arg(self.own_key("held")).arg(self.own_key("voided"));
        for hold in holds {
            command.arg(keys::budget(&self.prefix, &hold.budget.key));
        }
        command.arg(&self.owner).arg(ask.id()).arg(self.ttl).arg(self.idle);
        for hold in holds {
            let limit = units(hold.budget.limit.units());
            command.arg(period(&hold.budget)).arg(units(hold.amount.units().max(0))).arg(limit);
            command.arg(u8::from(hold.budget.observed));
        }
        let reply: Vec<Value> = self.query(connection, &command).await?;
        parse_reserve_reply(ask, reply)
    }

    /// Settles a batch, which is also a heartbeat. `written` is the number of the last batch that is known to be written.
    pub(crate) async fn settle(
        &self,
        connection: &mut Connection,
        batch: &Batch,
        written: u64,
    ) -> RedisResult<SettleResult> {
        let mut command = evaluate(&self.settle, 5);
        command.arg(self.key("owners"));
        for name in ["held", "voided", "expired", "batch"] {
            command.arg(self.own_key(name));
        }
        self.push_expiry_args(&mut command, batch.number);
        command.arg(written);
        for Entry { settlement, may_be_reserved, at, .. } in &batch.entries {
            let holds = settlement.ask.holds();
            command.arg(settlement.ask.id()).arg(u8::from(*may_be_reserved)).arg(millis(at.elapsed())).arg(holds.len());
            for (hold, spent) in holds.iter().zip(&settlement.spent) {
                let budget = &hold.budget;
                let soft = settlement.on_soft_limit.as_ref().and(budget.soft_from);
                command.arg(keys::budget(&self.prefix, &budget.key)).arg(period(budget)).arg(units(spent.units()));
                command.arg(soft.map_or_else(String::new, |soft| units(soft.units().max(0))));
            }
        }
        let (now, lost, expired, has_more, is_older, reached, rows): (u64, u64, u64, u8, u8, _, Vec<UsageRow>) =
            self.query(connection, &command).await?;
        let usage = rows
            .iter()
            .filter_map(|(entry, hold, spent, used, left)| Some((*entry, parse_usage(*hold, spent, used, *left)?)));
        let (usage, now) = (usage.collect(), Duration::from_millis(now));
        Ok(SettleResult { lost, expired, has_more: has_more == 1, is_older: is_older == 1, now, reached, usage })
    }

    /// Expires some of this owner's reservations in Redis that are not in `open`. Returns how many, and whether there may
    /// be more.
    pub(crate) async fn reconcile(
        &self,
        connection: &mut Connection,
        open: impl Iterator<Item = u64>,
        written: u64,
    ) -> RedisResult<(u64, bool)> {
        let mut command = evaluate(&self.reconcile, 2);
        command.arg(self.own_key("held")).arg(self.own_key("batch"));
        self.push_expiry_args(&mut command, written);
        for ask in open {
            command.arg(ask);
        }
        let (expired, has_more): (u64, u8) = self.query(connection, &command).await?;
        Ok((expired, has_more == 1))
    }

    /// Accepts older data if the reservations cannot be expired. Otherwise each heartbeat would detect it again.
    pub(crate) async fn abandon_reconcile(&self, connection: &mut Connection, written: u64) -> RedisResult<()> {
        let batch = self.own_key("batch");
        let () = redis::cmd("SET").arg(batch).arg(written).arg("PX").arg(BATCH_TTL).query_async(connection).await?;
        redis::cmd("DEL").arg(self.own_key("older")).query_async(connection).await
    }

    /// Adds the first arguments of the scripts that may expire reservations.
    fn push_expiry_args(&self, command: &mut Cmd, batch: u64) {
        command.arg(&self.owner).arg(batch).arg(self.ttl).arg(self.idle).arg(self.on_expiry).arg(&self.prefix);
    }

    /// Removes this owner, so that it need not expire, unless it still holds reservations.
    pub(crate) async fn deregister(&self, connection: &mut Connection) -> RedisResult<()> {
        let held: u64 = redis::cmd("EXISTS").arg(self.own_key("held")).query_async(connection).await?;
        if held == 0 {
            let () = redis::cmd("ZREM").arg(self.key("owners")).arg(&self.owner).query_async(connection).await?;
            // Not deleted at once: the last batch may still arrive a second time.
            let () = redis::cmd("PEXPIRE").arg(self.own_key("batch")).arg(ENDED_TTL).query_async(connection).await?;
        }
        Ok(())
    }

    /// Runs a script. If Redis does not have it, after a restart or `SCRIPT FLUSH`, loads the scripts and retries once.
    async fn query<T: FromRedisValue>(&self, connection: &mut Connection, command: &Cmd) -> RedisResult<T> {
        match command.query_async(connection).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.load(connection).await?;
                command.query_async(connection).await
            }
            result => result,
        }
    }

    async fn load(&self, connection: &mut Connection) -> RedisResult<()> {
        // `Script::load_async` panics if Redis returns a different hash.
        for source in &self.sources {
            let _: Value = redis::cmd("SCRIPT").arg("LOAD").arg(source).query_async(connection).await?;
        }
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn own_key(&self, name: &str) -> String {
        format!("{}{name}:{}", self.prefix, self.owner)
    }
}

/// Returns whether Redis is healthy and rejects only this command, for example because a key holds other data.
pub(crate) fn is_command_error(error: &RedisError) -> bool {
    !is_node_error(error) && matches!(error.code(), Some("WRONGTYPE" | "ERR"))
}

/// Returns whether the node rejects writes because it is, or has become, a replica. A new connection may reach the primary.
pub(crate) fn is_node_error(error: &RedisError) -> bool {
    const CODES: [&str; 2] = ["READONLY", "MASTERDOWN"];
    // Before Redis 7, the code of an error in a script is only in its text.
    let has_code = |code| error.code() == Some(code) || error.detail().is_some_and(|detail| detail.contains(code));
    CODES.into_iter().any(has_code)
}

fn evaluate(script: &Script, keys: usize) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(keys);
    command
}

fn parse_reserve_reply(ask: &StoreAsk, reply: Vec<Value>) -> RedisResult<Option<ReserveResult>> {
    let mut reply = reply.into_iter();
    let mut next = || reply.next().unwrap_or(Value::Nil);
    match i64::from_redis_value(next())? {
        0 => {
            let would_refuse = Vec::<(usize, String, String)>::from_redis_value(next())?;
            let figures =
                would_refuse.iter().filter_map(|(hold, spent, reserved)| figures(ask, *hold, spent, reserved));
            let answer = StoreAnswer::Admitted(figures.collect());
            let rows = Vec::<(usize, String, String, i64)>::from_redis_value(next())?;
            let usage = rows.iter().filter_map(|(hold, spent, used, left)| parse_usage(*hold, spent, used, *left));
            Ok(Some(ReserveResult { answer, usage: usage.collect() }))
        }
        1 => {
            let hold = usize::from_redis_value(next())?;
            let (spent, reserved) = (String::from_redis_value(next())?, String::from_redis_value(next())?);
            let left = parse_left(i64::from_redis_value(next())?);
            Ok(figures(ask, hold, &spent, &reserved).map(|figures| {
                let spent = figures.spent.units();
                let used = spent.saturating_add(figures.reserved.units());
                let usage = vec![ReportedUsage { hold, spent, used, left }];
                ReserveResult { answer: StoreAnswer::Refused(figures), usage }
            }))
        }
        _ => Ok(None),
    }
}

/// Returns the figures of a budget, in its own units.
pub(crate) fn figures(ask: &StoreAsk, hold: usize, spent: &str, reserved: &str) -> Option<StoreFigures> {
    let limit = ask.holds().get(hold)?.budget.limit;
    let amount = |digits: &str| limit.with_units(digits.parse().unwrap_or(i128::MAX));
    Some(StoreFigures { hold, spent: amount(spent), reserved: amount(reserved) })
}

fn parse_usage(hold: usize, spent: &str, used: &str, left: i64) -> Option<ReportedUsage> {
    Some(ReportedUsage { hold, spent: spent.parse().ok()?, used: used.parse().ok()?, left: parse_left(left) })
}

fn parse_left(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

fn units(units: i128) -> String {
    units.clamp(-MAX_UNITS, MAX_UNITS).to_string()
}

fn period(budget: &StoreBudget) -> &'static str {
    budget.period.map_or("ever", Period::as_str)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
