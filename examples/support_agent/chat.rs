//! A conversation with a model.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{
    CachePointBlock, CachePointType, ContentBlock, ConversationRole, InferenceConfiguration, Message, StopReason,
    SystemContentBlock, ToolConfiguration, ToolResultBlock, ToolUseBlock,
};

use crate::error::Error;
use crate::stream;

/// The maximum number of tokens of an answer. It also limits what a budget reserves for a call.
const MAX_TOKENS: i32 = 1_024;

pub(crate) struct Chat<'a> {
    client: &'a Client,
    model: &'a str,
    system: Vec<SystemContentBlock>,
    tools: Option<ToolConfiguration>,
    messages: Vec<Message>,
}

/// The result of a model turn.
pub(crate) enum Turn {
    /// The model requests tools.
    Tools(Vec<ToolUseBlock>),
    /// The model has answered.
    Answer(String),
}

impl<'a> Chat<'a> {
    pub(crate) fn new(client: &'a Client, model: &'a str, system: &str) -> Self {
        let system = vec![SystemContentBlock::Text(system.to_owned())];
        Self { client, model, system, tools: None, messages: Vec::new() }
    }

    pub(crate) fn with_tools(mut self, tools: ToolConfiguration) -> Self {
        self.tools = Some(tools);
        self
    }

    /// Caches the system prompt and tools, which are the same in each call. The first call writes the cache, and later
    /// calls read it.
    pub(crate) fn cached(mut self) -> Self {
        let point = CachePointBlock::builder().r#type(CachePointType::Default).build().expect("the type is set");
        self.system.push(SystemContentBlock::CachePoint(point));
        self
    }

    pub(crate) fn add_user_message(&mut self, text: &str) {
        self.push(ConversationRole::User, vec![ContentBlock::Text(text.to_owned())]);
    }

    pub(crate) fn add_tool_results(&mut self, results: Vec<ToolResultBlock>) {
        self.push(ConversationRole::User, results.into_iter().map(ContentBlock::ToolResult).collect());
    }

    /// Sends the conversation to the model.
    pub(crate) async fn ask(&mut self) -> Result<Turn, Error> {
        let request = self
            .client
            .converse()
            .model_id(self.model)
            .set_system(Some(self.system.clone()))
            .set_tool_config(self.tools.clone())
            .inference_config(limits())
            .set_messages(Some(self.messages.clone()));
        let output = request.send().await.map_err(Error::model)?;
        let stop = output.stop_reason().clone();
        self.add_turn(content(output), &stop)
    }

    /// Sends the conversation to the model, and reads the answer as a stream.
    pub(crate) async fn ask_streamed(&mut self) -> Result<Turn, Error> {
        let request = self
            .client
            .converse_stream()
            .model_id(self.model)
            .set_system(Some(self.system.clone()))
            .set_tool_config(self.tools.clone())
            .inference_config(limits())
            .set_messages(Some(self.messages.clone()));
        let output = request.send().await.map_err(Error::model)?;
        let (content, stop) = stream::collect(output.stream).await?;
        self.add_turn(content, &stop)
    }

    /// Adds the model's turn to the conversation.
    fn add_turn(&mut self, content: Vec<ContentBlock>, stop: &StopReason) -> Result<Turn, Error> {
        let turn = match stop {
            StopReason::ToolUse => {
                Turn::Tools(content.iter().filter_map(|block| block.as_tool_use().ok()).cloned().collect())
            }
            StopReason::EndTurn | StopReason::StopSequence => {
                Turn::Answer(content.iter().filter_map(|block| block.as_text().ok()).map(String::as_str).collect())
            }
            other => return Err(Error::NoAnswer(other.to_string())),
        };
        self.push(ConversationRole::Assistant, content);
        Ok(turn)
    }

    fn push(&mut self, role: ConversationRole, content: Vec<ContentBlock>) {
        let message = Message::builder().role(role).set_content(Some(content)).build();
        self.messages.push(message.expect("role and content are set"));
    }
}

fn limits() -> InferenceConfiguration {
    InferenceConfiguration::builder().max_tokens(MAX_TOKENS).build()
}

fn content(output: ConverseOutput) -> Vec<ContentBlock> {
    match output.output {
        Some(aws_sdk_bedrockruntime::types::ConverseOutput::Message(message)) => message.content,
        _ => Vec::new(),
    }
}
