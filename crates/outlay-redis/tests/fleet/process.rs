//! A process of a fleet: this test program, started again with a job.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlay_ledger::{Budget, BudgetRule, Scope};
use outlay_redis::{Builder, OnExpiry, RedisBudgets, WhenDown};

use crate::calls::{Random, ledger, open, picos, record, settle, task};

const JOB: &str = "OUTLAY_FLEET_JOB";
/// The number of concurrent calls in one process.
const AT_ONCE: u64 = 50;

/// A started process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a process with a job, which is a list of words.
    pub(crate) fn start(job: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["process::fleet_process", "--exact", "--nocapture"])
            .env(JOB, job.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next message with a word. Returns the numbers after it.
    pub(crate) fn wait_for(&mut self, word: &str) -> Vec<i128> {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the process ended without {word}");
            // The test harness prints too, sometimes without a newline.
            if let Some((_, numbers)) = line.split_once(&format!("fleet {word}")) {
                return numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
            }
        }
    }

    /// Lets a waiting process continue.
    pub(crate) fn resume(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until the process ends, and checks that it succeeded.
    pub(crate) fn assert_success(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

fn send(word: &str, numbers: &[i128]) {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    println!("\nfleet {word} {}", numbers.join(" "));
}

fn wait_for_resume() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// How many calls a worker makes.
#[derive(Clone)]
enum Work {
    Calls(u64),
    Until(Arc<AtomicBool>),
}

impl Work {
    /// Returns whether to make another call.
    async fn next(&mut self) -> bool {
        match self {
            Self::Calls(left) => {
                let has_more = *left > 0;
                *left = left.saturating_sub(1);
                has_more
            }
            Self::Until(is_over) => {
                tokio::time::sleep(Duration::from_millis(2)).await;
                !is_over.load(Ordering::SeqCst)
            }
        }
    }
}

/// Runs the job of a process that a test has started; otherwise does nothing.
#[test]
fn fleet_process() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: Vec<&str> = job.split(' ').collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match job.as_slice() {
        ["limited", url, limit, calls, seed] => {
            let settings = RedisBudgets::builder(url).unwrap().namespace("test").time_limit(Duration::from_secs(30));
            let work = Work::Calls(calls.parse::<u64>().unwrap() / AT_ONCE);
            let settings = settings.when_down(WhenDown::Refuse);
            runtime.block_on(make_calls(settings, limit.parse().unwrap(), work, seed.parse().unwrap()));
        }
        // Makes calls until it is resumed.
        ["endless", url, seed] => {
            let settings = RedisBudgets::builder(url).unwrap().namespace("test").time_limit(Duration::from_millis(100));
            let is_over = Arc::new(AtomicBool::new(false));
            let work = Work::Until(is_over.clone());
            std::thread::spawn(move || {
                wait_for_resume();
                is_over.store(true, Ordering::SeqCst);
            });
            let settings = settings.when_down(WhenDown::AllowAndMark);
            runtime.block_on(make_calls(settings, i128::from(u64::MAX), work, seed.parse().unwrap()));
        }
        ["hold", url, calls, on_expiry, expire_after] => {
            let expire_after = Duration::from_millis(expire_after.parse().unwrap());
            let on_expiry = if *on_expiry == "release" { OnExpiry::Release } else { OnExpiry::Spend };
            runtime.block_on(hold(url, calls.parse().unwrap(), on_expiry, expire_after));
        }
        other => panic!("{other:?}"),
    }
}

/// Makes many concurrent calls of random sizes. Some are dropped, and some cost more than their bound.
async fn make_calls(settings: Builder, limit: i128, work: Work, seed: u64) {
    let budgets = settings.connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", Budget::new(picos(limit)))));
    let mut workers = Vec::new();
    for worker in 0..AT_ONCE {
        let (task, random) = (task.clone(), Random(seed * 1_000 + worker + 1));
        workers.push(tokio::spawn(run_worker(task, work.clone(), random)));
    }
    let mut totals = [0; 5];
    for worker in workers {
        for (sum, more) in totals.iter_mut().zip(worker.await.unwrap()) {
            *sum += more;
        }
    }
    assert!(budgets.flush(Duration::from_secs(30)).await);
    send("totals", &totals);
}

/// Returns the numbers of settled, dropped and refused calls, the amount spent, and the amount beyond bounds.
async fn run_worker(task: Scope, mut work: Work, mut random: Random) -> [i128; 5] {
    let [mut settled, mut dropped, mut refused, mut spent, mut beyond] = [0; 5];
    while work.next().await {
        let bound = i128::from(random.below(1_999_999_999)) + 1;
        let Ok(call) = open(&task, picos(bound)).await else {
            refused += 1;
            continue;
        };
        tokio::task::yield_now().await;
        if random.below(5) == 0 {
            dropped += 1;
            continue;
        }
        let cost = match random.below(4) {
            0 => bound + i128::from(random.below(1_000_000)),
            _ => bound * i128::from(random.below(101)) / 100,
        };
        (settled, spent, beyond) = (settled + 1, spent + cost, beyond + (cost - bound).max(0));
        settle(call, picos(cost));
    }
    [settled, dropped, refused, spent, beyond]
}

/// Opens calls of seven pico-dollars each, and settles them at five when it is resumed.
async fn hold(url: &str, calls: usize, on_expiry: OnExpiry, expire_after: Duration) {
    let settings = RedisBudgets::builder(url).unwrap().namespace("test").time_limit(Duration::from_secs(30));
    let budgets = settings.on_expiry(on_expiry).expire_after(expire_after).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", picos(1_000_000))));
    let mut held = Vec::new();
    for _ in 0..calls {
        held.push(open(&task, picos(7)).await.unwrap());
    }
    send("holds", &[]);
    tokio::task::spawn_blocking(wait_for_resume).await.unwrap();
    for call in held {
        call.settle(record(picos(5)));
    }
    assert!(budgets.flush(Duration::from_secs(30)).await);
    send("settled", &[]);
}
