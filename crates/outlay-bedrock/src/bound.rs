//! The most tokens that a request's input can have, before it is sent.
//!
//! A token of text is at least one byte, so text bounds itself. An image is scaled to what the models take, a page of
//! a document is read as text and as image; what lies in S3 cannot be seen from here. The figures below are generous,
//! and documented with [`Budget`](outlay_ledger::Budget)s: what an attachment costs beyond them may overshoot.

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, DocumentBlock, DocumentContentBlock, DocumentSource, Message, ReasoningContentBlock,
    SystemContentBlock, Tool, ToolConfiguration, ToolInputSchema, ToolResultContentBlock, VideoBlock, VideoSource,
};

use crate::document;

/// What a provider puts around a prompt: its own system prompt for tools, and the turns' marks.
const OVERHEAD: u64 = 1_024;
/// Likewise for each message, tool and content block.
const BLOCK_OVERHEAD: u64 = 16;
/// The most that one image is taken for, whatever its size in bytes.
const IMAGE: u64 = 6_000;
/// The least that an attachment is taken for.
const ATTACHMENT: u64 = 20_000;
/// What an attachment in S3 is taken for.
const REMOTE: u64 = 200_000;

/// A speech session has no input yet when it begins: so many tokens are taken for it, as many as a budget assumes for
/// the output of a call that sets no maximum.
pub(crate) const SESSION_INPUT: u64 = 4_096;

/// A request whose input can be bounded.
pub(crate) trait Prompt {
    /// The most tokens that the input has.
    fn bound(&self) -> u64;
}

/// The SDK's two inputs have the same members, and no trait in common.
macro_rules! prompt {
    ($($input:ty),*) => { $(
        impl Prompt for $input {
            fn bound(&self) -> u64 {
                OVERHEAD
                    + self.messages().iter().map(message).sum::<u64>()
                    + self.system().iter().map(system).sum::<u64>()
                    + self.tool_config().map_or(0, tools)
                    + self.additional_model_request_fields().map_or(0, document::bytes)
                    + prompt_variables(self.prompt_variables())
            }
        }
    )* };
}

prompt!(ConverseInput, ConverseStreamInput);

/// Of an InvokeModel body: its bytes, for whatever it holds is in them.
pub(crate) fn of_body(body: &[u8]) -> u64 {
    of_bytes(body.len() as u64)
}

/// Of a request with so many bytes.
pub(crate) const fn of_bytes(bytes: u64) -> u64 {
    OVERHEAD.saturating_add(bytes)
}

type PromptVariables = std::collections::HashMap<String, aws_sdk_bedrockruntime::types::PromptVariableValues>;

/// A prompt of prompt management is stored with AWS; only what fills it can be seen.
fn prompt_variables(variables: Option<&PromptVariables>) -> u64 {
    variables.map_or(0, |variables| {
        let values = variables.values().filter_map(|v| v.as_text().ok());
        REMOTE + values.map(|text| text.len() as u64).sum::<u64>()
    })
}

fn message(message: &Message) -> u64 {
    BLOCK_OVERHEAD + message.content().iter().map(content).sum::<u64>()
}

fn content(block: &ContentBlock) -> u64 {
    BLOCK_OVERHEAD
        + match block {
            ContentBlock::Text(text) => text.len() as u64,
            ContentBlock::Image(_) => IMAGE,
            ContentBlock::Document(block) => attached_document(block),
            ContentBlock::Video(block) => video(block),
            ContentBlock::ToolUse(tool) => {
                tool.name().len() as u64 + tool.tool_use_id().len() as u64 + document::bytes(tool.input())
            }
            ContentBlock::ToolResult(result) => {
                result.tool_use_id().len() as u64 + result.content().iter().map(tool_result).sum::<u64>()
            }
            ContentBlock::ReasoningContent(reasoning) => match reasoning {
                ReasoningContentBlock::ReasoningText(text) => {
                    text.text().len() as u64 + text.signature().map_or(0, |s| s.len() as u64)
                }
                ReasoningContentBlock::RedactedContent(blob) => blob.as_ref().len() as u64,
                _ => ATTACHMENT,
            },
            ContentBlock::GuardContent(guard) => guard.as_text().map_or(ATTACHMENT, |text| text.text().len() as u64),
            ContentBlock::SearchResult(result) => {
                let texts = result.content().iter().map(|c| c.text().len() as u64).sum::<u64>();
                texts + result.source().len() as u64 + result.title().len() as u64
            }
            ContentBlock::CitationsContent(citations) => {
                citations.content().iter().map(|c| c.as_text().map_or(0, |text| text.len() as u64)).sum()
            }
            ContentBlock::CachePoint(_) => 0,
            // What this version cannot look into.
            _ => REMOTE,
        }
}

fn tool_result(block: &ToolResultContentBlock) -> u64 {
    BLOCK_OVERHEAD
        + match block {
            ToolResultContentBlock::Text(text) => text.len() as u64,
            ToolResultContentBlock::Json(json) => document::bytes(json),
            ToolResultContentBlock::Image(_) => IMAGE,
            ToolResultContentBlock::Document(block) => attached_document(block),
            ToolResultContentBlock::Video(block) => video(block),
            _ => REMOTE,
        }
}

fn system(block: &SystemContentBlock) -> u64 {
    BLOCK_OVERHEAD
        + match block {
            SystemContentBlock::Text(text) => text.len() as u64,
            SystemContentBlock::CachePoint(_) => 0,
            SystemContentBlock::GuardContent(guard) => {
                guard.as_text().map_or(ATTACHMENT, |text| text.text().len() as u64)
            }
            _ => ATTACHMENT,
        }
}

fn tools(config: &ToolConfiguration) -> u64 {
    let spec = |tool: &Tool| match tool {
        Tool::ToolSpec(spec) => {
            let schema = match spec.input_schema() {
                Some(ToolInputSchema::Json(json)) => document::bytes(json),
                _ => 0,
            };
            spec.name().len() as u64 + spec.description().map_or(0, |d| d.len() as u64) + schema
        }
        Tool::CachePoint(_) => 0,
        _ => ATTACHMENT,
    };
    config.tools().iter().map(|tool| BLOCK_OVERHEAD + spec(tool)).sum()
}

fn attached_document(block: &DocumentBlock) -> u64 {
    match block.source() {
        Some(DocumentSource::Text(text)) => text.len() as u64,
        // Compressed text comes to more tokens than a quarter of its bytes, but not to more than all of them twice
        // over; a page's image comes on top.
        Some(DocumentSource::Bytes(blob)) => ATTACHMENT + 2 * blob.as_ref().len() as u64,
        Some(DocumentSource::Content(blocks)) => blocks
            .iter()
            .map(|block| match block {
                DocumentContentBlock::Text(text) => text.len() as u64,
                _ => ATTACHMENT,
            })
            .sum(),
        _ => REMOTE,
    }
}

fn video(block: &VideoBlock) -> u64 {
    match block.source() {
        Some(VideoSource::Bytes(blob)) => ATTACHMENT + blob.as_ref().len() as u64,
        _ => REMOTE,
    }
}
