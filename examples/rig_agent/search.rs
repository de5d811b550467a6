//! The search tool: an ordinary rig tool that makes its own model call.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::operation::converse::ConverseError;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, ConverseOutput, InferenceConfiguration, Message};
use outlay::Usd;
use rig_agent::tool::{Tool, ToolContext};
use serde_json::json;

/// A tool that searches the knowledge base with a small model.
pub(crate) struct SearchKb {
    client: Client,
    model: &'static str,
}

#[derive(serde::Deserialize)]
pub(crate) struct Query {
    query: String,
}

impl SearchKb {
    pub(crate) fn new(client: Client, model: &'static str) -> Self {
        Self { client, model }
    }

    async fn search(&self, query: &str) -> Result<String, ConverseError> {
        let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(query.to_owned()));
        let output = self
            .client
            .converse()
            .model_id(self.model)
            .messages(message.build().expect("role and content are set"))
            .inference_config(InferenceConfiguration::builder().max_tokens(256).build())
            .send()
            .await
            .map_err(aws_sdk_bedrockruntime::error::SdkError::into_service_error)?;
        outlay::charge("serp-api", Usd::from_micros(5_000));
        let Some(ConverseOutput::Message(message)) = output.output else { return Ok(String::new()) };
        Ok(message.content.iter().filter_map(|block| block.as_text().ok()).map(String::as_str).collect())
    }
}

impl Tool for SearchKb {
    const NAME: &'static str = "search_kb";
    type Error = ConverseError;
    type Args = Query;
    type Output = String;

    fn description(&self) -> String {
        "Searches the knowledge base.".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        json!({ "type": "object", "properties": { "query": { "type": "string" } }, "required": ["query"] })
    }

    async fn call(&self, _: &mut ToolContext, Query { query }: Query) -> Result<String, ConverseError> {
        outlay::tool(Self::NAME).try_run(self.search(&query)).await
    }
}
