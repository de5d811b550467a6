//! Work that one process asks of another: whose it is goes out, what it cost comes back.

mod by_hand;
mod hostile;
mod http;
mod late;
mod two_processes;
mod worker;

use std::collections::HashMap;

use outlay::{RemoteWork, Task};
use outlay_tests::Harness;

/// A task that has asked for work through a queue, and the message that asks.
fn asked(h: &Harness) -> (Task, RemoteWork, HashMap<String, String>) {
    let task = h.outlay.task("t").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::remote("queue"));
    work.inject(&mut message);
    (task, work, message)
}
