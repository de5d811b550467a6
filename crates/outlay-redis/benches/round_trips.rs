//! Measures what a budget on Redis adds to a call: round trips, as counted by Redis, and time compared to a bare PING on a
//! connection of the same kind.
//!
//! `cargo bench -p outlay-redis`, with `redis-server` on the `PATH`, or its path in `REDIS_SERVER` and the folder of its
//! libraries in `REDIS_LIBRARIES`. `cargo test` runs it once, with less to do.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a benchmark prints its results")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use outlay_ledger::{
    Ask, Budget, BudgetRule, CallRecord, Dimension, Dimensions, Ledger, PendingCall, Period, Scope, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};
use outlay_redis::RedisBudgets;

const AT_ONCE: usize = 64;
/// The number of budgets of each call in [`longest_command`].
const BUDGETS: usize = 50;

/// Whether this is `cargo bench`, which passes `--bench`. `cargo test` only checks that the benchmark still runs.
fn measures() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

fn calls() -> usize {
    if measures() { 2_000 } else { 16 }
}

/// No more than fit in one batch.
fn settled_together() -> usize {
    if measures() { 128 } else { 8 }
}

fn pairs() -> usize {
    if measures() { 7 } else { 1 }
}

fn main() {
    let Some((_server, url)) = start() else {
        assert!(std::env::var_os("REDIS_SERVER").is_none(), "the program in REDIS_SERVER starts");
        println!("skipped: redis-server not found");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(bench(&url));
}

async fn bench(url: &str) {
    let budgets = RedisBudgets::builder(url).unwrap().time_limit(Duration::from_secs(5)).connect().await.unwrap();
    let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    // The log that `longest_command` reads is long.
    connection.set_response_timeout(Duration::from_secs(30));
    let limit = Usd::from_dollars(1_000_000);
    let one_budget = Ledger::builder().report_records(0).budget_store(budgets.clone());
    let one_budget = one_budget.budget_rule(BudgetRule::new("team", limit).per("team").every(Period::Day));
    let one_budget_task = one_budget.build().task(spec());
    let three_budgets = Ledger::builder().report_records(0).budget_store(budgets.clone());
    let three_budgets = three_budgets
        .budget_rule(BudgetRule::new("team", limit).per("team").every(Period::Day))
        .budget_rule(BudgetRule::new("company", limit).every(Period::Month))
        .budget_rule(BudgetRule::new("turns", Budget::turns(u64::MAX / 2)).per("team"));
    let three_budget_task = three_budgets.build().task(spec());

    let count = calls();
    println!("round trips of a call, as counted by Redis");
    for (what, task) in [("1 budget", &one_budget_task), ("3 budgets", &three_budget_task)] {
        budgets.flush(Duration::from_secs(10)).await;
        let before = script_calls(&mut connection).await;
        let mut open = Vec::new();
        for _ in 0..count {
            open.push(reserve(task).await);
        }
        let reserved = script_calls(&mut connection).await - before;
        open.into_iter().for_each(settle);
        budgets.flush(Duration::from_secs(10)).await;
        let settled = script_calls(&mut connection).await - before - reserved;
        println!("  {what:<10} {count} calls: {reserved} scripts to reserve, {settled} in the background to settle");
    }

    println!(
        "time of a reservation, compared to a PING on a connection of the same kind (medians of {} runs)",
        pairs()
    );
    for (what, task) in [("1 budget", &one_budget_task), ("3 budgets", &three_budget_task)] {
        let (mut pings, mut reserves, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..pairs() {
            let began = Instant::now();
            for _ in 0..count {
                let () = redis::cmd("PING").exec_async(&mut connection).await.unwrap();
            }
            let ping = began.elapsed();
            let began = Instant::now();
            for _ in 0..count {
                // Released at once; settled in the background, as in production.
                drop(reserve(task).await);
            }
            let reserve = began.elapsed();
            ratios.push(reserve.as_secs_f64() / ping.as_secs_f64());
            pings.push(micros(ping));
            reserves.push(micros(reserve));
        }
        println!("  {what:<10} {:7.1} us, a PING {:7.1} us: {:.2} x", median(reserves), median(pings), median(ratios));
    }

    let began = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..AT_ONCE {
        let task = one_budget_task.clone();
        workers.push(tokio::spawn(async move {
            for _ in 0..count / 8 {
                settle(reserve(&task).await);
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let calls = AT_ONCE * (count / 8);
    println!("{AT_ONCE} concurrent calls: {:.0} calls per second", calls as f64 / began.elapsed().as_secs_f64());
    budgets.flush(Duration::from_secs(10)).await;
    longest_command(&budgets, &mut connection).await;
}

/// Prints how long the longest script blocks Redis when each call has many budgets.
async fn longest_command(budgets: &RedisBudgets, connection: &mut redis::aio::MultiplexedConnection) {
    let mut many = Ledger::builder().report_records(0).budget_store(budgets.clone());
    for rule in 0..BUDGETS {
        let rule = BudgetRule::new(&format!("rule {rule}"), Usd::from_dollars(1_000_000)).every(Period::Day);
        many = many.budget_rule(rule);
    }
    let task = many.build().task(spec());
    let mut open = Vec::new();
    let together = settled_together();
    for _ in 0..together {
        open.push(reserve(&task).await);
    }
    for (setting, value) in [("slowlog-max-len", 100_000), ("slowlog-log-slower-than", 0)] {
        redis::cmd("CONFIG").arg("SET").arg(setting).arg(value).exec_async(connection).await.unwrap();
    }
    redis::cmd("SLOWLOG").arg("RESET").exec_async(connection).await.unwrap();
    open.into_iter().for_each(settle);
    budgets.flush(Duration::from_secs(30)).await;
    let log: Vec<Vec<redis::Value>> =
        redis::cmd("SLOWLOG").arg("GET").arg(100_000).query_async(connection).await.unwrap();
    // Each entry has an id, a time, a duration in us and the command. Commands called by scripts have entries too.
    let is_script = |entry: &Vec<redis::Value>| {
        let command = redis::from_redis_value::<Vec<String>>(entry[3].clone()).unwrap_or_default();
        command.first().is_some_and(|name| name == "EVALSHA")
    };
    let times =
        log.into_iter().filter(is_script).map(|entry| redis::from_redis_value::<u64>(entry[2].clone()).unwrap());
    let mut times: Vec<f64> = times.map(|micros| micros as f64 / 1_000.0).collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{together} calls with {BUDGETS} budgets settle in {} commands: the longest blocks Redis for {:.1} ms",
        times.len(),
        times.last().unwrap()
    );
}

async fn reserve(task: &Scope) -> PendingCall {
    let model: Arc<str> = "m".into();
    let mut call = begin(task, &model);
    let ask = call.ask_store().unwrap();
    let answer = ask.answer().await;
    call.store_answered(&model, &answer).unwrap();
    call
}

fn begin(task: &Scope, model: &Arc<str>) -> PendingCall {
    let ask = Ask {
        model,
        input: 1_000,
        max_output: Some(500),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(Usd::from_micros(5)),
    };
    task.open_call(&ask).unwrap()
}

fn settle(call: PendingCall) {
    let usage = Usage::new().with_uncached_input(1_000).with_output(300);
    let charge = Charge::external(Usd::from_micros(4));
    call.settle(CallRecord::answered("m".into(), usage, charge, SystemTime::UNIX_EPOCH));
}

fn spec() -> TaskSpec {
    let mut dimensions = Dimensions::default();
    dimensions.set(Dimension::Team, "search");
    TaskSpec::new("bench").dimensions(dimensions)
}

/// Returns how many scripts were called since the server started.
async fn script_calls(connection: &mut redis::aio::MultiplexedConnection) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(connection).await.unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap_or("0");
    line.split(',').next().unwrap().parse().unwrap()
}

/// Returns the microseconds per call.
fn micros(total: Duration) -> f64 {
    total.as_secs_f64() / calls() as f64 * 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// Starts a server, or returns `None` if that fails.
fn start() -> Option<(Server, String)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let server = Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .envs(std::env::var("REDIS_LIBRARIES").map(|folder| ("LD_LIBRARY_PATH", folder)))
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let (server, url) = (Server(server), format!("redis://127.0.0.1:{port}"));
    for _ in 0..200 {
        if redis::Client::open(url.as_str()).ok()?.get_connection().is_ok() {
            return Some((server, url));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}
