//! An orchestrator and a worker agent, each a process of its own, and what a task costs in both.
//!
//! ```sh
//! cargo run -p example-two-processes              # the worker is a service on HTTP
//! cargo run -p example-two-processes -- --queue   # it takes messages from a queue
//! ```
//!
//! Both processes have a simulated Bedrock of their own. The worker says what its part cost in a receipt, and the
//! orchestrator's task has the whole.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it did")]

mod agents;
mod http;
mod queue;

use std::error::Error;
use std::process::Stdio;

use outlay::{Outcome, Outlay, Report};
use tokio::process::{Child, Command};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How the two speak to each other.
#[derive(Clone, Copy)]
enum Road {
    Http,
    Queue,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => println!("{}", orchestrate(Road::Http).await?),
        ["--queue"] => println!("{}", orchestrate(Road::Queue).await?),
        // What this program starts itself as.
        ["worker", "http"] => http::serve().await?,
        ["worker", "queue"] => queue::work().await?,
        _ => eprintln!("usage: two_processes [--queue]"),
    }
    Ok(())
}

async fn orchestrate(road: Road) -> Result<Report> {
    let _telemetry = outlay::telemetry::init("orchestrator")?;
    let outlay = Outlay::builder().propagate(["team", "cost_center"]).build();
    let name = match road {
        Road::Http => "http",
        Road::Queue => "queue",
    };
    let worker = Command::new(std::env::current_exe()?)
        .args(["worker", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    answer(&outlay, road, worker).await
}

/// One task: the orchestrator's own model plans and writes, the worker looks things up.
async fn answer(outlay: &Outlay, road: Road, worker: Child) -> Result<Report> {
    let bedrock = agents::bedrock().await?;
    let client = agents::client(&bedrock, outlay);
    let task = outlay.task("answer-question").team("support").cost_center("cc-4711").start();
    let done: Result<()> = task
        .try_run(outlay::agent("orchestrator").try_run(async {
            outlay::plan("split the question").try_run(agents::ask(&client, agents::SONNET)).await?;
            match road {
                Road::Http => http::ask(worker).await?,
                Road::Queue => queue::ask(outlay, worker).await?,
            }
            outlay::step("act", "write the answer").try_run(agents::ask(&client, agents::SONNET)).await
        }))
        .await;
    done?;
    Ok(task.finish(Outcome::success()))
}
