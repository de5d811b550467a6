//! An agent that never ends. It is watched while it runs, reported as a runaway, and stopped.
//!
//! ```sh
//! cargo run --example runaway
//! ```
//!
//! The model is simulated on this machine. It requests the same search forever, and the search always fails. Nothing in
//! `agent` limits the loop: the rule given to `Outlay::builder()` ends it.
#![allow(clippy::print_stdout, reason = "an example prints its results")]

#[cfg(test)]
mod tests;

use std::error::Error;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Region};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, Message, StopReason, ToolResultBlock,
    ToolResultContentBlock, ToolResultStatus,
};
use bedrock_sim::{BedrockSim, Reply, StartError, Tokens};
use outlay::alert::Notice;
use outlay::bedrock::Metered as _;
use outlay::policy::RunawayRule;
use outlay::{Outcome, Outlay, Report, Usd};
use serde_json::json;

const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// The rule for runaways. Our agents have never needed more than five turns in a row without a successful tool.
const RUNAWAY_RULE: RunawayRule =
    RunawayRule::new().turns_without_progress(8).spend_rate(Usd::from_dollars(1), Duration::from_secs(60)).enforce();

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let bedrock = simulated().await?;
    let outlay = Outlay::builder().runaway(RUNAWAY_RULE).on_alert(|notice| println!("{}", describe(notice))).build();
    let watcher = tokio::spawn(watch(outlay.clone()));
    let (error, report) = resolve_ticket(&outlay, client(&bedrock)).await;
    watcher.abort();
    if outlay::stopped(&*error).is_none() {
        println!("the agent ended with: {error}");
    }
    println!("\n{report}");
    Ok(())
}

/// Runs one task. Returns the error that ended it, and its report.
async fn resolve_ticket(outlay: &Outlay, client: Client) -> (Box<dyn Error>, Report) {
    let client = client.metered(outlay);
    let task = outlay.task("resolve-ticket").team("support").workflow("tickets").start();
    let error = task.run(outlay::agent("triage").run(agent(&client))).await;
    let report = task.finish(Outcome::failure());
    // The stop itself has a clearer message than the SDK's error around it.
    let error = match outlay::stopped(&*error) {
        Some(stopped) => stopped.clone().into(),
        None => error,
    };
    (error, report)
}

/// Alternates between model calls and searches until a call fails.
async fn agent(client: &Client) -> Box<dyn Error> {
    let mut messages = vec![message(ConversationRole::User, vec![ContentBlock::Text("My export is cut off.".into())])];
    loop {
        let limits = InferenceConfiguration::builder().max_tokens(1_024).build();
        let call = client.converse().model_id(MODEL).set_messages(Some(messages.clone())).inference_config(limits);
        let answer = match outlay::plan("what next").try_run(call.send()).await {
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        let content =
            answer.output.as_ref().and_then(|output| output.as_message().ok()).map(|message| message.content());
        let content = content.unwrap_or_default().to_vec();
        if answer.stop_reason != StopReason::ToolUse {
            return "the model unexpectedly answered".into();
        }
        let mut results = Vec::new();
        for tool in content.iter().filter_map(|block| block.as_tool_use().ok()) {
            // A failed tool is a result for the model, and a failed step in the report.
            let found: Result<&str, &str> = outlay::tool("search_kb").try_run(search()).await;
            let result = ToolResultBlock::builder()
                .tool_use_id(tool.tool_use_id())
                .status(if found.is_ok() { ToolResultStatus::Success } else { ToolResultStatus::Error })
                .content(ToolResultContentBlock::Text(found.unwrap_or_else(|error| error).to_owned()));
            results.push(ContentBlock::ToolResult(result.build().expect("id and content are set")));
        }
        messages.push(message(ConversationRole::Assistant, content));
        messages.push(message(ConversationRole::User, results));
    }
}

async fn search() -> Result<&'static str, &'static str> {
    Err("the index is being rebuilt: try again")
}

fn message(role: ConversationRole, content: Vec<ContentBlock>) -> Message {
    Message::builder().role(role).set_content(Some(content)).build().expect("role and content are set")
}

/// Prints the most expensive open tasks, like a dashboard.
async fn watch(outlay: Outlay) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for open in outlay.open_tasks().iter().take(3) {
            let (cost, turns, age) = (open.totals.cost(), open.totals.turns(), open.age.as_secs_f32());
            println!("open: {}  {cost}  {turns} turns  {age:.1} s", open.name);
        }
    }
}

fn describe(notice: &Notice) -> String {
    match &notice.kind {
        outlay::alert::AlertKind::Runaway(reason) => format!("runaway: {}: {reason}", notice.task),
        // The runaway line and the report have the reason.
        outlay::alert::AlertKind::Stopped(stop) => format!("stopped before the next call: {}", stop.what()),
        kind => format!("{}: {kind:?}", notice.task),
    }
}

/// Starts a Bedrock on loopback whose model always requests another search.
async fn simulated() -> Result<BedrockSim, StartError> {
    let bedrock = BedrockSim::start().await?;
    bedrock.otherwise(|request| {
        // The conversation grows with each turn.
        let input = 400 + request.body.len() as u64 / 4;
        Reply::message()
            .text("I need the article on exports first.")
            .tool_use("tooluse_1", "search_kb", json!({"query": "export cut off"}))
            .usage(Tokens::new(input, 120))
            .delay(Duration::from_millis(60))
    });
    Ok(bedrock)
}

fn client(bedrock: &BedrockSim) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(bedrock.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("simulated", "simulated", None, None, "simulated"));
    Client::from_conf(config.build())
}
