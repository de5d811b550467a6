//! The tools that the model can request. A tool can itself cost money, through a model call or a paid service.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{
    Tool, ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock, ToolResultStatus,
    ToolSpecification, ToolUseBlock,
};
use outlay::Usd;
use serde_json::json;

use crate::agent::Models;
use crate::chat::{Chat, Turn};
use crate::error::{Error, with_causes};
use crate::json::document;
use crate::researcher;

pub(crate) const SEARCHER: &str = "You turn a question into a search, and pick what answers it.";

pub(crate) fn for_triage() -> ToolConfiguration {
    configuration(&[
        ("search_kb", "Searches the knowledge base and the web.", "query"),
        ("researcher", "Has an assistant read articles of the knowledge base, and say what follows.", "question"),
    ])
}

/// Runs a tool that the model requests. Errors are returned to the model, so that it can try something else.
pub(crate) async fn run(client: &Client, models: &Models, tool: &ToolUseBlock) -> ToolResultBlock {
    let result = match tool.name() {
        "search_kb" => {
            let step = outlay::tool("search_kb").tool_call_id(tool.tool_use_id());
            step.try_run(search_kb(client, &models.small, argument(tool, "query"))).await
        }
        "researcher" => researcher::ask(client, &models.small, argument(tool, "question")).await,
        other => Err(Error::NoAnswer(format!("unknown tool `{other}`"))),
    };
    match result {
        Ok(text) => self::result(tool, text, ToolResultStatus::Success),
        Err(error) => self::result(tool, with_causes(&error), ToolResultStatus::Error),
    }
}

async fn search_kb(client: &Client, model: &str, query: &str) -> Result<String, Error> {
    let mut chat = Chat::new(client, model, SEARCHER);
    chat.add_user_message(query);
    let Turn::Answer(hits) = chat.ask().await? else { return Err(Error::NoAnswer("it requests tools".to_owned())) };
    // The web search costs half a cent per query.
    outlay::charge("serp-api", Usd::from_micros(5_000));
    Ok(hits)
}

/// Returns the configuration of tools with one text parameter each, from (name, description, parameter).
pub(crate) fn configuration(tools: &[(&str, &str, &str)]) -> ToolConfiguration {
    let tools = tools.iter().map(|(name, description, parameter)| {
        let schema = json!({
            "type": "object",
            "properties": { *parameter: { "type": "string" } },
            "required": [parameter],
        });
        let schema = ToolInputSchema::Json(document(&schema));
        let tool = ToolSpecification::builder().name(*name).description(*description).input_schema(schema);
        Tool::ToolSpec(tool.build().expect("name and schema are set"))
    });
    ToolConfiguration::builder().set_tools(Some(tools.collect())).build().expect("there are tools")
}

/// Returns the argument of a parameter, or an empty string if the model left it out.
pub(crate) fn argument<'a>(tool: &'a ToolUseBlock, name: &str) -> &'a str {
    let arguments = tool.input().as_object();
    arguments.and_then(|all| all.get(name)).and_then(|value| value.as_string()).unwrap_or_default()
}

pub(crate) fn result(tool: &ToolUseBlock, text: String, status: ToolResultStatus) -> ToolResultBlock {
    let content = ToolResultContentBlock::Text(text);
    let result = ToolResultBlock::builder().tool_use_id(tool.tool_use_id()).content(content).status(status);
    result.build().expect("id and content are set")
}
