//! The connection to Redis, and the scripts that are called on it: each a single command.

use std::time::Duration;

use outlay_ledger::{Period, StoreAnswer, StoreAsk, StoreBudget, StoreFigures};
use redis::{Cmd, FromRedisValue, RedisError, RedisResult, Script, Value};

use crate::connection::{Connection, Target};
use crate::keys;
use crate::lease::Heard;
use crate::queue::{Batch, Entry};
use crate::settings::{Builder, OnExpiry};

/// Beyond it no amount is told apart: the scripts hold so many digits, and 10^15 dollars are 10^27 pico-dollars.
const MAX_UNITS: i128 = 10_i128.pow(27);
/// For so many ms a batch is known for what it is after its process has left. No command takes longer to arrive.
const LATE: u64 = 3_600_000;
/// For so many ms the scripts keep the number of a living process's last batch.
const KEPT: u64 = 7 * 86_400_000;

/// Place of the entry, place of the hold, what is used, and how many ms are left of its period.
type Used = (usize, usize, String, i64);

/// What is said to Redis, and how.
#[derive(Debug)]
pub(crate) struct Scripts {
    reserve: Script,
    settle: Script,
    reconcile: Script,
    /// The texts of all.
    texts: [String; 3],
    prefix: String,
    owner: String,
    ttl: u64,
    idle: u64,
    on_expiry: &'static str,
}

/// What Redis says of an ask.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: StoreAnswer,
    pub(crate) heard: Vec<Heard>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Figures that could not be written, for their key holds something else.
    pub(crate) lost: u64,
    /// Reservations of others that expired.
    pub(crate) expired: u64,
    /// There are more that have to expire.
    pub(crate) more: bool,
    /// Batches are missing that had been written: Redis has come back with older data.
    pub(crate) is_older: bool,
    /// The time of Redis.
    pub(crate) now: Duration,
    /// Place of the entry, place of the hold, spent, reserved.
    pub(crate) reached: Vec<(usize, usize, String, String)>,
    /// How budgets stand now, by place of an entry.
    pub(crate) heard: Vec<(usize, Heard)>,
}

impl Scripts {
    pub(crate) fn new(settings: &Builder, owner: String) -> Self {
        let on_expiry = match settings.on_expiry {
            OnExpiry::Spend => "spend",
            OnExpiry::Release => "release",
        };
        let (common, expire) = (include_str!("scripts/common.lua"), include_str!("scripts/expire.lua"));
        let texts = [
            [common, include_str!("scripts/reserve.lua")].concat(),
            [common, expire, include_str!("scripts/settle.lua")].concat(),
            [common, expire, include_str!("scripts/reconcile.lua")].concat(),
        ];
        Self {
            reserve: Script::new(&texts[0]),
            settle: Script::new(&texts[1]),
            reconcile: Script::new(&texts[2]),
            texts,
            prefix: keys::prefix(&settings.namespace),
            // Whoever finds this owner dead expires its reservations by this owner's rule.
            owner: format!("{owner}-{on_expiry}"),
            ttl: millis(settings.expire_after),
            idle: millis(settings.forget_after),
            on_expiry,
        }
    }

    pub(crate) async fn connect(&self, target: &Target, limit: Duration) -> RedisResult<Connection> {
        let mut link = target.connect(limit).await?;
        self.load(&mut link).await?;
        Ok(link)
    }

    /// The answer, and what is used of each budget now, as far as that says so. `None` where the ask has been taken back
    /// meanwhile.
    pub(crate) async fn reserve(&self, link: &mut Connection, ask: &StoreAsk) -> RedisResult<Option<Answered>> {
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
        let reply: Vec<Value> = self.query(link, &command).await?;
        read_answer(ask, reply)
    }

    /// Settles a batch, and gives a sign of life. `written` is the number of the last batch that is known to be written.
    pub(crate) async fn settle(&self, link: &mut Connection, batch: &Batch, written: u64) -> RedisResult<Settled> {
        let mut command = evaluate(&self.settle, 5);
        command.arg(self.key("owners"));
        for own in ["held", "voided", "expired", "batch"] {
            command.arg(self.own_key(own));
        }
        self.push_expiry_args(&mut command, batch.number);
        command.arg(written);
        for Entry { settlement, may_come, at, .. } in &batch.entries {
            let holds = settlement.ask.holds();
            command.arg(settlement.ask.id()).arg(u8::from(*may_come)).arg(millis(at.elapsed())).arg(holds.len());
            for (hold, spent) in holds.iter().zip(&settlement.spent) {
                let budget = &hold.budget;
                let soft = settlement.on_soft_limit.as_ref().and(budget.soft_from);
                command.arg(keys::budget(&self.prefix, &budget.key)).arg(period(budget)).arg(units(spent.units()));
                command.arg(soft.map_or_else(String::new, |soft| units(soft.units().max(0))));
            }
        }
        let (now, lost, expired, more, is_older, reached, used): (u64, u64, u64, u8, u8, _, Vec<Used>) =
            self.query(link, &command).await?;
        let heard = used.iter().filter_map(|(entry, hold, used, left)| Some((*entry, heard(*hold, used, *left)?)));
        let (heard, now) = (heard.collect(), Duration::from_millis(now));
        Ok(Settled { lost, expired, more: more == 1, is_older: is_older == 1, now, reached, heard })
    }

    /// Expires some of the reservations in Redis that are not open here. Returns how many, and whether there may be more.
    pub(crate) async fn reconcile(
        &self,
        link: &mut Connection,
        open: impl Iterator<Item = u64>,
        written: u64,
    ) -> RedisResult<(u64, bool)> {
        let mut command = evaluate(&self.reconcile, 2);
        command.arg(self.own_key("held")).arg(self.own_key("batch"));
        self.push_expiry_args(&mut command, written);
        for ask in open {
            command.arg(ask);
        }
        let (expired, more): (u64, u8) = self.query(link, &command).await?;
        Ok((expired, more == 1))
    }

    /// Takes the older data for what it is, where nothing can be expired. Otherwise each sign of life would find it again.
    pub(crate) async fn give_up_reconcile(&self, link: &mut Connection, written: u64) -> RedisResult<()> {
        let batch = self.own_key("batch");
        let () = redis::cmd("SET").arg(batch).arg(written).arg("PX").arg(KEPT).query_async(link).await?;
        redis::cmd("DEL").arg(self.own_key("older")).query_async(link).await
    }

    /// Adds the first arguments of the scripts that may expire reservations.
    fn push_expiry_args(&self, command: &mut Cmd, batch: u64) {
        command.arg(&self.owner).arg(batch).arg(self.ttl).arg(self.idle).arg(self.on_expiry).arg(&self.prefix);
    }

    /// Leaves nothing behind that would have to expire, where nothing is held.
    pub(crate) async fn leave(&self, link: &mut Connection) -> RedisResult<()> {
        let held: u64 = redis::cmd("EXISTS").arg(self.own_key("held")).query_async(link).await?;
        if held == 0 {
            let () = redis::cmd("ZREM").arg(self.key("owners")).arg(&self.owner).query_async(link).await?;
            // Not at once: the last batch may yet arrive for the second time.
            let () = redis::cmd("PEXPIRE").arg(self.own_key("batch")).arg(LATE).query_async(link).await?;
        }
        Ok(())
    }

    /// One command; after a restart, or where somebody has flushed the scripts, once more.
    async fn query<T: FromRedisValue>(&self, link: &mut Connection, command: &Cmd) -> RedisResult<T> {
        match command.query_async(link).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.load(link).await?;
                command.query_async(link).await
            }
            answered => answered,
        }
    }

    async fn load(&self, link: &mut Connection) -> RedisResult<()> {
        // `Script::load_async` panics where Redis has another hash of it.
        for text in &self.texts {
            let _: Value = redis::cmd("SCRIPT").arg("LOAD").arg(text).query_async(link).await?;
        }
        Ok(())
    }

    fn key(&self, of: &str) -> String {
        format!("{}{of}", self.prefix)
    }

    fn own_key(&self, of: &str) -> String {
        format!("{}{of}:{}", self.prefix, self.owner)
    }
}

/// Whether Redis is well, and only this command is none for it: such as on a key that holds something else.
pub(crate) fn is_of_command(error: &RedisError) -> bool {
    !is_of_node(error) && matches!(error.code(), Some("WRONGTYPE" | "ERR"))
}

/// Whether it is the node that will have no writes: a replica, or one that has been made one. Another connection may lead
/// to the one that does.
pub(crate) fn is_of_node(error: &RedisError) -> bool {
    const SIGNS: [&str; 2] = ["READONLY", "MASTERDOWN"];
    // Before Redis 7, what goes wrong in a script says so in its text alone.
    let says = |sign| error.code() == Some(sign) || error.detail().is_some_and(|detail| detail.contains(sign));
    SIGNS.into_iter().any(says)
}

fn evaluate(script: &Script, keys: usize) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(keys);
    command
}

fn read_answer(ask: &StoreAsk, reply: Vec<Value>) -> RedisResult<Option<Answered>> {
    let mut reply = reply.into_iter();
    let mut next = || reply.next().unwrap_or(Value::Nil);
    match i64::from_redis_value(next())? {
        0 => {
            let would_refuse = Vec::<(usize, String, String)>::from_redis_value(next())?;
            let figures =
                would_refuse.iter().filter_map(|(hold, spent, reserved)| figures(ask, *hold, spent, reserved));
            let answer = StoreAnswer::Admitted(figures.collect());
            let used = Vec::<(usize, String, i64)>::from_redis_value(next())?;
            let heard = used.iter().filter_map(|(hold, used, left)| heard(*hold, used, *left));
            Ok(Some(Answered { answer, heard: heard.collect() }))
        }
        1 => {
            let hold = usize::from_redis_value(next())?;
            let (spent, reserved) = (String::from_redis_value(next())?, String::from_redis_value(next())?);
            let left = left(i64::from_redis_value(next())?);
            Ok(figures(ask, hold, &spent, &reserved).map(|figures| {
                let used = figures.spent.units().saturating_add(figures.reserved.units());
                Answered { answer: StoreAnswer::Refused(figures), heard: vec![Heard { hold, used, left }] }
            }))
        }
        _ => Ok(None),
    }
}

/// How a budget stands, in its own units.
pub(crate) fn figures(ask: &StoreAsk, hold: usize, spent: &str, reserved: &str) -> Option<StoreFigures> {
    let limit = ask.holds().get(hold)?.budget.limit;
    let amount = |digits: &str| limit.with_units(digits.parse().unwrap_or(i128::MAX));
    Some(StoreFigures { hold, spent: amount(spent), reserved: amount(reserved) })
}

fn heard(hold: usize, used: &str, of_period: i64) -> Option<Heard> {
    Some(Heard { hold, used: used.parse().ok()?, left: left(of_period) })
}

fn left(millis: i64) -> Option<Duration> {
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
