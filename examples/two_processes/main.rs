//! An orchestrator and a worker agent in separate processes, and the cost of a task in both.
//!
//! ```sh
//! cargo run -p example-two-processes              # the worker is an HTTP service
//! cargo run -p example-two-processes -- --queue   # the worker reads messages from a queue
//! ```
//!
//! Each process has its own simulated Bedrock. The worker reports its cost in a receipt, and the orchestrator's task has
//! the total.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints its results")]

mod agents;
mod http;
mod queue;

use std::error::Error;
use std::process::Stdio;

use outlay::{Outcome, Outlay, Report};
use tokio::process::{Child, Command};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How the two processes communicate.
#[derive(Clone, Copy)]
enum Transport {
    Http,
    Queue,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => println!("{}", orchestrate(Transport::Http).await?),
        ["--queue"] => println!("{}", orchestrate(Transport::Queue).await?),
        // The orchestrator starts the worker with these arguments.
        ["worker", "http"] => http::serve().await?,
        ["worker", "queue"] => queue::work().await?,
        _ => eprintln!("usage: two_processes [--queue]"),
    }
    Ok(())
}

async fn orchestrate(transport: Transport) -> Result<Report> {
    let _telemetry = outlay::telemetry::init("orchestrator")?;
    let outlay = Outlay::builder().propagate(["team", "cost_center"]).build();
    let name = match transport {
        Transport::Http => "http",
        Transport::Queue => "queue",
    };
    let worker = Command::new(std::env::current_exe()?)
        .args(["worker", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    answer(&outlay, transport, worker).await
}

/// Runs one task: the orchestrator's own model plans and writes, and the worker does the research.
async fn answer(outlay: &Outlay, transport: Transport, worker: Child) -> Result<Report> {
    let bedrock = agents::bedrock().await?;
    let client = agents::client(&bedrock, outlay);
    let task = outlay.task("answer-question").team("support").cost_center("cc-4711").start();
    let result: Result<()> = task
        .try_run(outlay::agent("orchestrator").try_run(async {
            outlay::plan("split the question").try_run(agents::ask(&client, agents::SONNET)).await?;
            match transport {
                Transport::Http => http::ask(worker).await?,
                Transport::Queue => queue::ask(outlay, worker).await?,
            }
            outlay::step("act", "write the answer").try_run(agents::ask(&client, agents::SONNET)).await
        }))
        .await;
    result?;
    Ok(task.finish(Outcome::success()))
}
