//! Tests of closing finished scopes after the late limit.
#![allow(missing_docs, clippy::unwrap_used, reason = "a panic fails the test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a suspended process measures the time")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use outlay_ledger::{Clock, Ledger, Scope, TaskSpec};

/// A clock that is set by hand, in seconds, with the default monotonic clock.
#[derive(Clone, Debug)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Returns a finished task that waits for a call that never settles.
fn waiting(ledger: &Ledger) -> Scope {
    let task = ledger.task(TaskSpec::new("t"));
    std::mem::forget(task.open_call_unchecked());
    task.finish();
    task
}

#[test]
fn a_clock_that_goes_back_delays_no_close() {
    let clock = ManualClock::at(10_000);
    let ledger = Ledger::builder().clock(clock.clone()).late_limit(Duration::from_secs(60)).build();
    let task = waiting(&ledger);
    clock.set(10_040);
    ledger.close_overdue();
    assert!(!task.is_closed());
    // An hour back, after 40 seconds.
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
fn a_maximum_limit_never_ends() {
    let clock = ManualClock::at(0);
    let ledger = Ledger::builder().clock(clock.clone()).late_limit(Duration::MAX).build();
    let task = waiting(&ledger);
    clock.set(u64::MAX >> 2);
    ledger.close_overdue();
    assert!(!task.is_closed());
}

#[test]
fn closed_scopes_are_not_kept_in_the_queue_behind_waiting_ones() {
    let ledger = Ledger::builder().clock(ManualClock::at(0)).build();
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
fn open_scopes_get_the_full_limit_again_after_a_suspension() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "suspended_process", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("waiting")));
    signal("-STOP");
    std::thread::sleep(Duration::from_secs(4));
    signal("-CONT");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success(), "the scope was closed at once");
}

#[test]
#[ignore = "run by the test above in a separate process"]
fn suspended_process() {
    const LIMIT: Duration = Duration::from_secs(2);
    let ledger = Ledger::builder().late_limit(LIMIT).build();
    let task = waiting(&ledger);
    println!("waiting");
    let mut last = Instant::now();
    let mut resumed = None;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
        let now = Instant::now();
        if now.duration_since(std::mem::replace(&mut last, now)) > LIMIT {
            resumed = Some(now);
        }
        if task.is_closed() {
            let resumed = resumed.expect("closed before the suspension");
            assert!(resumed.elapsed() > LIMIT * 3 / 4, "{:?} after the resume", resumed.elapsed());
            return;
        }
    }
    panic!("never closed");
}
