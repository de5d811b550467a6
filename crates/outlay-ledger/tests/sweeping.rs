//! When finished scopes are closed that wait for something.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a process that is stopped from outside tells the time"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use outlay_ledger::{Clock, Ledger, Scope, TaskSpec};

/// A clock that is set by hand, in seconds, and says nothing of another one.
#[derive(Clone, Debug)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A task whose own code has ended, and that waits for a call which never ends.
fn waiting(ledger: &Ledger) -> Scope {
    let task = ledger.task(TaskSpec::new("t"));
    std::mem::forget(task.open_call_unchecked());
    task.finish();
    task
}

#[test]
fn a_clock_that_goes_back_delays_nothing() {
    let clock = Hand::at(10_000);
    let ledger = Ledger::builder().clock(clock.clone()).late_limit(Duration::from_secs(60)).build();
    let task = waiting(&ledger);
    clock.set(10_040);
    ledger.close_overdue();
    assert!(!task.is_closed());
    // By an hour, after 40 seconds.
    clock.set(6_440);
    let later = waiting(&ledger);
    clock.set(6_459);
    ledger.close_overdue();
    assert!(!task.is_closed());
    clock.set(6_460);
    ledger.close_overdue();
    assert!(task.is_closed() && !later.is_closed());
    clock.set(6_500);
    ledger.close_overdue();
    assert!(later.is_closed());
}

#[test]
fn a_limit_without_end_is_one() {
    let clock = Hand::at(0);
    let ledger = Ledger::builder().clock(clock.clone()).late_limit(Duration::MAX).build();
    let task = waiting(&ledger);
    clock.set(u64::MAX >> 2);
    ledger.close_overdue();
    assert!(!task.is_closed());
}

#[test]
fn what_has_closed_is_not_kept_behind_what_waits() {
    let ledger = Ledger::builder().clock(Hand::at(0)).build();
    let _first = waiting(&ledger);
    let used = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            let task = ledger.task(TaskSpec::new("t"));
            let call = task.open_call_unchecked();
            task.finish();
            drop(call);
        }
    });
    assert!(used.bytes_current < 4_096, "{} bytes are left", used.bytes_current);
}

#[test]
fn a_process_that_stood_still_gives_what_was_open_its_time_anew() {
    // It is stopped from outside.
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stands_still", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("it waits")));
    signal("-STOP");
    std::thread::sleep(Duration::from_secs(4));
    signal("-CONT");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success(), "it was closed at once");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn stands_still() {
    const LIMIT: Duration = Duration::from_secs(2);
    let ledger = Ledger::builder().late_limit(LIMIT).build();
    let task = waiting(&ledger);
    println!("it waits");
    let mut last = Instant::now();
    let mut thawed = None;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
        let now = Instant::now();
        if now.duration_since(std::mem::replace(&mut last, now)) > LIMIT {
            thawed = Some(now);
        }
        if task.is_closed() {
            let thawed = thawed.expect("it closed before it was stopped");
            assert!(thawed.elapsed() > LIMIT * 3 / 4, "{:?} after it went on", thawed.elapsed());
            return;
        }
    }
    panic!("it was never closed");
}
