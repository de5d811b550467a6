//! Assembles a streamed turn from its events.

use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ContentBlockStart, ConverseStreamOutput, StopReason, ToolUseBlock,
    ToolUseBlockStart,
};

use crate::error::Error;
use crate::json::document;

type Events = EventReceiver<ConverseStreamOutput, ConverseStreamOutputError>;

/// Reads the stream to its end. The usage comes last, after the text.
pub(crate) async fn collect(mut events: Events) -> Result<(Vec<ContentBlock>, StopReason), Error> {
    let mut content = Vec::new();
    let mut open = Block::default();
    let mut stop = None;
    while let Some(event) = events.recv().await.map_err(Error::model)? {
        match event {
            ConverseStreamOutput::ContentBlockStart(event) => {
                if let Some(ContentBlockStart::ToolUse(tool)) = event.start {
                    open.tool = Some(tool);
                }
            }
            ConverseStreamOutput::ContentBlockDelta(event) => match event.delta {
                Some(ContentBlockDelta::Text(text)) => open.text.push_str(&text),
                Some(ContentBlockDelta::ToolUse(tool)) => open.text.push_str(&tool.input),
                _ => {}
            },
            ConverseStreamOutput::ContentBlockStop(_) => content.extend(std::mem::take(&mut open).finish()?),
            ConverseStreamOutput::MessageStop(event) => stop = Some(event.stop_reason),
            _ => {}
        }
    }
    let stop = stop.ok_or_else(|| Error::NoAnswer("the stream ended early".to_owned()))?;
    Ok((content, stop))
}

/// An incomplete block.
#[derive(Default)]
struct Block {
    tool: Option<ToolUseBlockStart>,
    /// The text, or the tool's input as JSON.
    text: String,
}

impl Block {
    fn finish(self) -> Result<Option<ContentBlock>, Error> {
        let Some(tool) = self.tool else {
            return Ok((!self.text.is_empty()).then_some(ContentBlock::Text(self.text)));
        };
        // A tool without parameters has empty input.
        let input = if self.text.is_empty() { "{}" } else { &self.text };
        let input = serde_json::from_str(input).map_err(Error::model)?;
        let tool = ToolUseBlock::builder().tool_use_id(tool.tool_use_id).name(tool.name).input(document(&input));
        Ok(Some(ContentBlock::ToolUse(tool.build().map_err(Error::model)?)))
    }
}
