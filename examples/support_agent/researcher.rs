//! A sub-agent with its own loop, role and tools.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::ToolResultStatus;

use crate::chat::{Chat, Turn};
use crate::error::Error;
use crate::tools;

pub(crate) const ROLE: &str = "You research questions in the knowledge base.";

const MAX_TURNS: usize = 4;
const ARTICLES: [(&str, &str); 2] = [
    ("KB-112", "Exports: an export is cut at 10,000 rows where the account has no `large_exports` flag."),
    ("KB-207", "Flags: a change of plan resets an account's flags at night. Support sets them again on request."),
];

pub(crate) async fn ask(client: &Client, model: &str, question: &str) -> Result<String, Error> {
    outlay::agent("researcher").try_run(research(client, model, question)).await
}

async fn research(client: &Client, model: &str, question: &str) -> Result<String, Error> {
    let tools = tools::configuration(&[("read_article", "Reads an article of the knowledge base.", "id")]);
    let mut chat = Chat::new(client, model, ROLE).with_tools(tools);
    chat.add_user_message(question);
    for _ in 0..MAX_TURNS {
        match chat.ask().await? {
            Turn::Answer(findings) => return Ok(findings),
            Turn::Tools(uses) => {
                // A lookup in memory costs nothing, so it needs no scope.
                let results = uses.iter().map(|tool| {
                    let id = tools::argument(tool, "id");
                    let found = ARTICLES.iter().find(|(article, _)| *article == id);
                    match found {
                        Some((_, text)) => tools::result(tool, (*text).to_owned(), ToolResultStatus::Success),
                        None => tools::result(tool, format!("there is no article {id}"), ToolResultStatus::Error),
                    }
                });
                chat.add_tool_results(results.collect());
            }
        }
    }
    Err(Error::TooManyTurns(MAX_TURNS))
}
