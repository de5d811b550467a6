//! Remote work. The request carries the caller's task, the answer a receipt with the cost.

mod carriers;
mod hostile;
mod http;
mod http_clients;
mod late_receipts;
mod two_processes;
mod worker;

use std::collections::HashMap;

use outlay::Task;
use outlay::propagation::RemoteWork;
use outlay_tests::Harness;

/// Returns a task that has asked for work through a queue, the remote work, and the message.
fn with_remote_work(h: &Harness) -> (Task, RemoteWork, HashMap<String, String>) {
    let task = h.outlay.task("t").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::remote("queue"));
    work.inject(&mut message);
    (task, work, message)
}
