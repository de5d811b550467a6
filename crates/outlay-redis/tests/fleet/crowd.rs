//! Eight processes at once on one budget.

use std::time::{Duration, Instant};

use crate::process::Process;
use crate::server::{Server, eventually};

const PROCESSES: u64 = 8;
const CALLS: u64 = 10_000;
/// Three dollars, and an odd amount.
const LIMIT: i128 = 3_000_000_000_001;

#[test]
fn ten_thousand_calls_of_eight_processes_pass_a_limit_by_no_more_than_what_they_came_to_beyond_their_bounds() {
    let Some(server) = Server::start(&[]) else { return };
    let (limit, calls) = (LIMIT.to_string(), (CALLS / PROCESSES).to_string());
    let begun = Instant::now();
    let start = |seed: u64| Process::start(&["crowd", &server.url(), &limit, &calls, &seed.to_string()]);
    let mut processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    // What anybody can see while it goes on: nothing is reserved beyond the limit.
    let mut seen = Vec::new();
    eventually("the limit is met", || {
        let (spent, reserved) = server.figures();
        seen.push((spent, reserved));
        spent > LIMIT / 10 * 9
    });
    let mut made = [0_i128; 5];
    for process in &mut processes {
        for (sum, more) in made.iter_mut().zip(process.hear("made")) {
            *sum += more;
        }
    }
    let took = begun.elapsed();
    processes.into_iter().for_each(Process::end);

    let [settled, dropped, refused, cost, beyond] = made;
    let (spent, reserved) = server.figures();
    let over = (spent - LIMIT).max(0);
    let beyond_rule = (over - beyond).max(0);
    println!(
        "{PROCESSES} processes: {settled} calls settled, {dropped} dropped, {refused} refused in {took:?}; {spent} of \
         {LIMIT} pico-dollars spent: {over} over the limit, {beyond_rule} beyond what calls came to beyond their own bounds"
    );
    assert_eq!(beyond_rule, 0);
    assert!(seen.iter().all(|(spent, reserved)| spent + reserved <= LIMIT + beyond), "{seen:?}");
    assert_eq!((spent, reserved), (cost, 0), "to the pico-dollar");
    assert_eq!(settled + dropped + refused, i128::from(CALLS));
    assert!(refused > 0 && dropped > 0, "the limit is met");
}

#[test]
fn a_redis_that_dies_again_and_again_under_eight_processes_has_every_pico_dollar_once_in_the_end() {
    let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
    let start = |seed: u64| Process::start(&["endless", &server.url(), &seed.to_string()]);
    let mut processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    let mut spent_before = Vec::new();
    for _ in 0..4 {
        let known = spent_before.last().copied().unwrap_or(0);
        eventually("they spend", || server.figures().0 > known);
        server.kill();
        std::thread::sleep(Duration::from_millis(20));
        server.run();
        spent_before.push(server.figures().0);
    }
    // And one that hangs.
    server.pause();
    std::thread::sleep(Duration::from_millis(300));
    server.resume();
    processes.iter_mut().for_each(Process::go_on);
    let mut made = [0_i128; 5];
    for process in &mut processes {
        for (sum, more) in made.iter_mut().zip(process.hear("made")) {
            *sum += more;
        }
    }
    processes.into_iter().for_each(Process::end);
    let [settled, dropped, refused, cost, _] = made;
    println!(
        "{settled} calls settled, {dropped} dropped, {refused} refused; spent at the deaths: {spent_before:?} of {cost}"
    );
    assert!(spent_before.is_sorted() && spent_before.iter().all(|spent| *spent < cost), "they met the outages");
    assert_eq!((server.figures(), refused), ((cost, 0), 0));
}
