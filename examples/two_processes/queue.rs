//! The queue transport. The worker's standard input is the request queue, and its standard output is the answer queue. As
//! with any queue, a message is text with attributes, and may be delivered more than once.

use std::collections::HashMap;

use outlay::propagation::Incoming;
use outlay::{Outcome, Outlay};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Child;

use crate::{Result, agents};

#[derive(Serialize, Deserialize)]
struct Message {
    body: String,
    /// The context of the task in a request, and the receipt in an answer.
    attributes: HashMap<String, String>,
}

const RECEIPT: &str = "outlay-receipt";

/// Requests the work from the worker, in the current scope, and counts the receipts in its answers.
pub(crate) async fn ask(outlay: &Outlay, mut worker: Child) -> Result<()> {
    let (mut queue, answers) = match (worker.stdin.take(), worker.stdout.take()) {
        (Some(queue), Some(answers)) => (queue, answers),
        _ => return Err("the worker has no standard input or output".into()),
    };
    let mut message = Message { body: "exports".to_owned(), attributes: HashMap::new() };
    let work = outlay::remote("research-queue");
    work.inject(&mut message.attributes);
    // The answers can be read by another task or process.
    work.wait();
    let text = serde_json::to_string(&message)?;
    queue.write_all(format!("{text}\n").as_bytes()).await?;
    drop(queue);

    let mut answers = BufReader::new(answers).lines();
    while let Some(line) = answers.next_line().await? {
        let answer: Message = serde_json::from_str(&line)?;
        if let Some(receipt) = answer.attributes.get(RECEIPT) {
            outlay.receive_receipt(receipt)?;
        }
    }
    worker.wait().await?;
    Ok(())
}

/// Runs the worker process, until there are no more messages.
pub(crate) async fn work() -> Result<()> {
    let telemetry = outlay::telemetry::init("worker")?;
    let outlay = Outlay::builder().build();
    let bedrock = agents::bedrock().await?;
    let client = agents::client(&bedrock, &outlay);
    let mut messages = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = messages.next_line().await? {
        let message: Message = serde_json::from_str(&line)?;
        // Everyone who can write to this queue is trusted.
        let incoming = Incoming::from_trusted(&message.attributes)?;
        let task = outlay.task("research").asked_by(&incoming).start();
        let outcome = match task.try_run(agents::research(&client)).await {
            Ok(()) => Outcome::success(),
            Err(_) => Outcome::failure(),
        };
        task.finish(outcome);
        let attributes = HashMap::from([(RECEIPT.to_owned(), task.receipt().to_string())]);
        let answer = serde_json::to_string(&Message { body: "found".to_owned(), attributes })?;
        // Sent twice, as a queue may deliver it. The receipt counts once.
        println!("{answer}\n{answer}");
    }
    tokio::task::spawn_blocking(move || drop(telemetry)).await?;
    Ok(())
}
