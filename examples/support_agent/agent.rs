//! The agent. It calls the model, runs the tools that the model requests, and returns their results, until there is an
//! acceptable reply.

use aws_sdk_bedrockruntime::Client;

use crate::chat::{Chat, Turn};
use crate::error::Error;
use crate::tools;

/// The role in the system prompt. The handbook after it is long and the same for each ticket, so the prompt is cached.
pub(crate) const ROLE: &str = "You answer support tickets.";
const HANDBOOK: &str = include_str!("handbook.md");

pub(crate) const TICKET: &str = "Since this morning our exports end after 10,000 rows, without an error. We are on the \
    enterprise plan and our quarter closes tonight.";

/// The maximum numbers of turns with tools, and of attempts at a reply.
const MAX_TURNS: usize = 8;
const MAX_ATTEMPTS: u32 = 3;

/// The models that the agent uses.
#[derive(Clone, Debug)]
pub(crate) struct Models {
    pub(crate) large: String,
    pub(crate) small: String,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            large: "us.anthropic.claude-sonnet-4-5-20250929-v1:0".to_owned(),
            small: "us.anthropic.claude-haiku-4-5-20251001-v1:0".to_owned(),
        }
    }
}

/// Answers a ticket.
pub(crate) async fn resolve(client: &Client, models: &Models, ticket: &str) -> Result<String, Error> {
    outlay::agent("triage").try_run(triage(client, models, ticket)).await
}

async fn triage(client: &Client, models: &Models, ticket: &str) -> Result<String, Error> {
    let system = format!("{ROLE}\n\n{HANDBOOK}");
    let mut chat = Chat::new(client, &models.large, &system).with_tools(tools::for_triage()).cached();
    chat.add_user_message(ticket);

    let mut turn = outlay::plan("read the ticket").try_run(chat.ask()).await?;
    for _ in 0..MAX_TURNS {
        match turn {
            Turn::Answer(reply) => return Ok(reply),
            Turn::Tools(tool_uses) => {
                let mut results = Vec::new();
                for tool in &tool_uses {
                    results.push(tools::run(client, models, tool).await);
                }
                chat.add_tool_results(results);
            }
        }
        turn = reply(&mut chat).await?;
    }
    Err(Error::TooManyTurns(MAX_TURNS))
}

/// Requests a reply, and retries if it is rejected. The cost of the failed step counts as wasted, and the cost of later
/// attempts as retries.
async fn reply(chat: &mut Chat<'_>) -> Result<Turn, Error> {
    let mut reply = outlay::step("act", "draft the reply").try_run(async { check(chat.ask().await?) }).await;
    for attempt in 2..=MAX_ATTEMPTS {
        let Err(Error::Rejected(reason)) = reply else { break };
        chat.add_user_message(&format!("This cannot go out: {reason}. Write it again."));
        reply = outlay::retry(attempt).try_run(async { check(chat.ask_streamed().await?) }).await;
    }
    reply
}

/// Rejects a reply that cites no article.
fn check(turn: Turn) -> Result<Turn, Error> {
    match turn {
        Turn::Answer(reply) if !reply.contains("KB-") => Err(Error::Rejected("it names no article")),
        turn => Ok(turn),
    }
}
