//! A process of a fleet: this test program once more, with a job.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlay_ledger::{Budget, BudgetRule, Scope};
use outlay_redis::{Builder, OnExpiry, RedisBudgets, WhenDown};

use crate::calls::{Random, dollars, ledger, open, record, settle, task};

const JOB: &str = "OUTLAY_FLEET_JOB";
/// So many calls of one process are open at once.
const AT_ONCE: u64 = 50;

/// A process that has been started.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts one, with a job of so many words.
    pub(crate) fn start(job: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["process::one_process_of_a_fleet", "--exact", "--nocapture"])
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

    /// What follows the word in the next line that it says it in.
    pub(crate) fn hear(&mut self, word: &str) -> Vec<i128> {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended without {word}");
            // The test program says things of its own, and ends no line after some of them.
            if let Some((_, told)) = line.split_once(&format!("fleet {word}")) {
                return told.split_whitespace().map(|number| number.parse().unwrap()).collect();
            }
        }
    }

    /// Has it go on.
    pub(crate) fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn end(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

fn say(word: &str, numbers: &[i128]) {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    println!("\nfleet {word} {}", numbers.join(" "));
}

fn wait_for_word() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// How many calls somebody makes.
#[derive(Clone)]
enum Work {
    Calls(u64),
    Until(Arc<AtomicBool>),
}

impl Work {
    async fn goes_on(&mut self) -> bool {
        match self {
            Self::Calls(left) => {
                let some = *left > 0;
                *left = left.saturating_sub(1);
                some
            }
            Self::Until(is_over) => {
                tokio::time::sleep(Duration::from_millis(2)).await;
                !is_over.load(Ordering::SeqCst)
            }
        }
    }
}

/// The job of a process that a test has started; else nothing.
#[test]
fn one_process_of_a_fleet() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: Vec<&str> = job.split(' ').collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match job.as_slice() {
        ["crowd", url, limit, calls, seed] => {
            let settings = RedisBudgets::builder(url).unwrap().namespace("test").time_limit(Duration::from_secs(30));
            let work = Work::Calls(calls.parse::<u64>().unwrap() / AT_ONCE);
            let settings = settings.when_down(WhenDown::Refuse);
            runtime.block_on(crowd(settings, limit.parse().unwrap(), work, seed.parse().unwrap()));
        }
        // Until it is told to go on.
        ["endless", url, seed] => {
            let settings = RedisBudgets::builder(url).unwrap().namespace("test").time_limit(Duration::from_millis(100));
            let is_over = Arc::new(AtomicBool::new(false));
            let work = Work::Until(is_over.clone());
            std::thread::spawn(move || {
                wait_for_word();
                is_over.store(true, Ordering::SeqCst);
            });
            let settings = settings.when_down(WhenDown::AllowAndMark);
            runtime.block_on(crowd(settings, i128::from(u64::MAX), work, seed.parse().unwrap()));
        }
        ["hold", url, calls, on_expiry, expire_after] => {
            let expire_after = Duration::from_millis(expire_after.parse().unwrap());
            let on_expiry = if *on_expiry == "release" { OnExpiry::Release } else { OnExpiry::Spend };
            runtime.block_on(hold(url, calls.parse().unwrap(), on_expiry, expire_after));
        }
        other => panic!("{other:?}"),
    }
}

/// Many calls at once of random sizes, of which some are dropped and some come to more than their bound.
async fn crowd(settings: Builder, limit: i128, work: Work, seed: u64) {
    let budgets = settings.connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", Budget::new(dollars(limit)))));
    let mut workers = Vec::new();
    for worker in 0..AT_ONCE {
        let (task, random) = (task.clone(), Random(seed * 1_000 + worker + 1));
        workers.push(tokio::spawn(one_of_a_crowd(task, work.clone(), random)));
    }
    let mut made = [0; 5];
    for worker in workers {
        for (sum, more) in made.iter_mut().zip(worker.await.unwrap()) {
            *sum += more;
        }
    }
    assert!(budgets.flush(Duration::from_secs(30)).await);
    say("made", &made);
}

/// Settled, dropped, refused, spent, and what that came to beyond bounds.
async fn one_of_a_crowd(task: Scope, mut work: Work, mut random: Random) -> [i128; 5] {
    let [mut settled, mut dropped, mut refused, mut spent, mut beyond] = [0; 5];
    while work.goes_on().await {
        let bound = i128::from(random.below(1_999_999_999)) + 1;
        let Ok(call) = open(&task, dollars(bound)).await else {
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
        settle(call, dollars(cost));
    }
    [settled, dropped, refused, spent, beyond]
}

/// Holds so many calls of seven each; told to go on, it settles them at five.
async fn hold(url: &str, calls: usize, on_expiry: OnExpiry, expire_after: Duration) {
    let settings = RedisBudgets::builder(url).unwrap().namespace("test").time_limit(Duration::from_secs(30));
    let budgets = settings.on_expiry(on_expiry).expire_after(expire_after).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", dollars(1_000_000))));
    let mut held = Vec::new();
    for _ in 0..calls {
        held.push(open(&task, dollars(7)).await.unwrap());
    }
    say("holds", &[]);
    tokio::task::spawn_blocking(wait_for_word).await.unwrap();
    for call in held {
        call.settle(record(dollars(5)));
    }
    assert!(budgets.flush(Duration::from_secs(30)).await);
    say("settled", &[]);
}
