//! Eight processes on one budget.

use std::time::{Duration, Instant};

use crate::process::Process;
use crate::server::{Server, eventually};

const PROCESSES: u64 = 8;
const CALLS: u64 = 10_000;
/// Three dollars plus an odd amount.
const LIMIT: i128 = 3_000_000_000_001;

#[test]
fn eight_processes_exceed_a_limit_only_by_what_calls_cost_beyond_their_bounds() {
    let Some(server) = Server::start(&[]) else { return };
    let (limit, calls) = (LIMIT.to_string(), (CALLS / PROCESSES).to_string());
    let begun = Instant::now();
    let start = |seed: u64| Process::start(&["limited", &server.url(), &limit, &calls, &seed.to_string()]);
    let mut processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    // Samples, to check that nothing is reserved beyond the limit.
    let mut samples = Vec::new();
    eventually("the limit is almost reached", || {
        let (spent, reserved) = server.figures();
        samples.push((spent, reserved));
        spent > LIMIT / 10 * 9
    });
    let mut totals = [0_i128; 5];
    for process in &mut processes {
        for (sum, more) in totals.iter_mut().zip(process.wait_for("totals")) {
            *sum += more;
        }
    }
    let elapsed = begun.elapsed();
    processes.into_iter().for_each(Process::assert_success);

    let [settled, dropped, refused, cost, beyond] = totals;
    let (spent, reserved) = server.figures();
    let over = (spent - LIMIT).max(0);
    let unexplained = (over - beyond).max(0);
    println!(
        "{PROCESSES} processes: {settled} calls settled, {dropped} dropped, {refused} refused in {elapsed:?}; {spent} of \
         {LIMIT} pico-dollars spent: {over} over the limit, {unexplained} more than calls cost beyond their own bounds"
    );
    assert_eq!(unexplained, 0);
    assert!(samples.iter().all(|(spent, reserved)| spent + reserved <= LIMIT + beyond), "{samples:?}");
    assert_eq!((spent, reserved), (cost, 0), "exact to the pico-dollar");
    assert_eq!(settled + dropped + refused, i128::from(CALLS));
    assert!(refused > 0 && dropped > 0, "the limit was reached");
}

#[test]
fn repeated_kills_of_redis_under_eight_processes_count_every_pico_dollar_once() {
    let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
    let start = |seed: u64| Process::start(&["endless", &server.url(), &seed.to_string()]);
    let mut processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    let mut spent_before = Vec::new();
    for _ in 0..4 {
        let last = spent_before.last().copied().unwrap_or(0);
        eventually("the processes spend", || server.figures().0 > last);
        server.kill();
        std::thread::sleep(Duration::from_millis(20));
        server.restart();
        spent_before.push(server.figures().0);
    }
    // Then Redis hangs.
    server.pause();
    std::thread::sleep(Duration::from_millis(300));
    server.resume();
    processes.iter_mut().for_each(Process::resume);
    let mut totals = [0_i128; 5];
    for process in &mut processes {
        for (sum, more) in totals.iter_mut().zip(process.wait_for("totals")) {
            *sum += more;
        }
    }
    processes.into_iter().for_each(Process::assert_success);
    let [settled, dropped, refused, cost, _] = totals;
    println!(
        "{settled} calls settled, {dropped} dropped, {refused} refused; spent after each kill: {spent_before:?} of {cost}"
    );
    assert!(
        spent_before.is_sorted() && spent_before.iter().all(|spent| *spent < cost),
        "the outages came while the processes were spending"
    );
    assert_eq!((server.figures(), refused), ((cost, 0), 0));
}
