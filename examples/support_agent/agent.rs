//! The agent: it asks the model, does what the model asks for, and hands back the results, until there is a reply that
//! may go out.

use aws_sdk_bedrockruntime::Client;

use crate::chat::{Chat, Turn};
use crate::error::Error;
use crate::tools;

/// How the model knows its role. What follows it is long, and the same for each ticket: it pays to cache it.
pub(crate) const ROLE: &str = "You answer support tickets.";
const HANDBOOK: &str = include_str!("handbook.md");

pub(crate) const TICKET: &str = "Since this morning our exports end after 10,000 rows, without an error. We are on the \
    enterprise plan and our quarter closes tonight.";

/// How often the model may ask for tools, and how often a reply is asked for.
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
    chat.say(ticket);

    let mut turn = outlay::plan("read the ticket").try_run(chat.ask()).await?;
    for _ in 0..MAX_TURNS {
        match turn {
            Turn::Answer(reply) => return Ok(reply),
            Turn::Tools(uses) => {
                let mut results = Vec::new();
                for tool in &uses {
                    results.push(tools::run(client, models, tool).await);
                }
                chat.hand_back(results);
            }
        }
        turn = reply(&mut chat).await?;
    }
    Err(Error::TooManyTurns(MAX_TURNS))
}

/// Asks for the reply, and again where it may not go out: what the failed step has cost counts as wasted, and what is
/// asked again as retry.
async fn reply(chat: &mut Chat<'_>) -> Result<Turn, Error> {
    let mut reply = outlay::step("act", "draft the reply").try_run(async { checked(chat.ask().await?) }).await;
    for attempt in 2..=MAX_ATTEMPTS {
        let Err(Error::Rejected(why)) = reply else { break };
        chat.say(&format!("This cannot go out: {why}. Write it again."));
        reply = outlay::retry(attempt).try_run(async { checked(chat.ask_streamed().await?) }).await;
    }
    reply
}

/// The application's own rule: a reply names what it rests on.
fn checked(turn: Turn) -> Result<Turn, Error> {
    match turn {
        Turn::Answer(reply) if !reply.contains("KB-") => Err(Error::Rejected("it names no article")),
        turn => Ok(turn),
    }
}
