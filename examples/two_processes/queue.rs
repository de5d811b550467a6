//! By messages: the worker's standard input is the queue, its standard output the one that answers come back on. As with
//! any queue, a message is a text with attributes, and may be delivered more than once.

use std::collections::HashMap;

use outlay::{Incoming, Outcome, Outlay};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Child;

use crate::{Result, agents};

#[derive(Serialize, Deserialize)]
struct Message {
    body: String,
    /// Whose work it is, on the way there; what it cost, on the way back.
    attributes: HashMap<String, String>,
}

const RECEIPT: &str = "outlay-receipt";

/// Asks the worker for its part, in the current scope, and counts what its answers say.
pub(crate) async fn ask(outlay: &Outlay, mut worker: Child) -> Result<()> {
    let (mut queue, answers) = match (worker.stdin.take(), worker.stdout.take()) {
        (Some(queue), Some(answers)) => (queue, answers),
        _ => return Err("the worker has no queues".into()),
    };
    let mut message = Message { body: "exports".to_owned(), attributes: HashMap::new() };
    let work = outlay::remote("research-queue");
    work.inject(&mut message.attributes);
    // Whoever reads the answers need not be who has asked.
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

/// The worker's process: it works on each message until there are no more.
pub(crate) async fn work() -> Result<()> {
    let telemetry = outlay::telemetry::init("worker")?;
    let outlay = Outlay::builder().build();
    let bedrock = agents::bedrock().await?;
    let client = agents::client(&bedrock, &outlay);
    let mut messages = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = messages.next_line().await? {
        let message: Message = serde_json::from_str(&line)?;
        // Who can write to this queue is trusted.
        let incoming = Incoming::from_trusted(&message.attributes)?;
        let task = outlay.task("research").asked_by(&incoming).start();
        let outcome = match task.try_run(agents::research(&client)).await {
            Ok(()) => Outcome::success(),
            Err(_) => Outcome::failure(),
        };
        task.finish(outcome);
        let attributes = HashMap::from([(RECEIPT.to_owned(), task.receipt().to_string())]);
        let answer = serde_json::to_string(&Message { body: "found".to_owned(), attributes })?;
        // Twice, as a queue may: it counts once.
        println!("{answer}\n{answer}");
    }
    tokio::task::spawn_blocking(move || drop(telemetry)).await?;
    Ok(())
}
