//! An agent in the framework rig, and the cost of each of its steps. rig is not modified: it only gets a metered client.
//!
//! ```sh
//! cargo run -p example-rig-agent              # a simulated Bedrock on loopback: no account, no cost
//! cargo run -p example-rig-agent -- --aws     # Amazon Bedrock, with the credentials of your environment
//! ```
//!
//! Outlay adds three things: the client is `metered`, the prompt runs in `outlay::agent`, and the tool's body runs in
//! `outlay::tool`. rig polls its tools inside the prompt's future, even if several run at once, so the agent is their
//! current scope. `telemetry.rs` has the one filter directive that rig's own spans need.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints its results")]

mod search;
mod simulated;
mod telemetry;
#[cfg(test)]
mod tests;

use std::error::Error;

use aws_sdk_bedrockruntime::Client;
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Outlay, Report, Usd};
use rig_agent::prelude::*;
use rig_bedrock::client::BedrockRuntime;

use crate::search::SearchKb;

const LARGE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const SMALL: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const QUESTION: &str = "Since when may an enterprise export hold any number of rows, and how is that switched on?";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _telemetry = telemetry::init("helpdesk")?;
    let outlay = Outlay::builder().build();

    let (answer, report) = if std::env::args().any(|argument| argument == "--aws") {
        let client = Client::new(&aws_config::load_from_env().await);
        ask(&outlay, client).await
    } else {
        let bedrock = simulated::bedrock().await?;
        ask(&outlay, simulated::client(&bedrock)).await
    };

    if let Ok(answer) = &answer {
        println!("{answer}\n");
    }
    println!("{report}");
    answer?;
    Ok(())
}

async fn ask(outlay: &Outlay, client: Client) -> (Result<String, PromptError>, Report) {
    // The metered client has the same type, so rig accepts it. Each call that rig makes is metered.
    let client = client.metered(outlay);
    // A new agent for each task. Clones of a rig agent share a work queue, so one run may execute another's work.
    let librarian = AgentBuilder::new(BedrockRuntime::from(client.clone()).completion(LARGE))
        .preamble("You answer questions about the service. Search before you answer.")
        .max_tokens(1_024)
        .tool(SearchKb::new(client, SMALL))
        .build();

    let task = outlay.task("answer-question").team("support").workflow("chat").budget(Usd::from_cents(20)).start();
    let answer = task
        .try_run(outlay::agent("librarian").try_run(async { librarian.prompt(QUESTION).max_turns(5).await }))
        .await
        .map(|response| response.output());

    // rig converts the SDK's errors into its own, which do not contain a budget's refusal. The task has it.
    for refusal in task.refusals() {
        eprintln!("{refusal}");
    }
    let outcome = if answer.is_ok() { Outcome::success() } else { Outcome::failure() };
    (answer, task.finish(outcome))
}
