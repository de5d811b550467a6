//! The size of the typed input of Converse and ConverseStream.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::types::{
    AudioBlock, AudioSource, ContentBlock, DocumentBlock, DocumentContentBlock, DocumentSource,
    GuardrailConverseContentBlock, ImageBlock, ImageSource, Message, OutputConfig, OutputFormat, OutputFormatStructure,
    PromptVariableValues, ReasoningContentBlock, SearchResultBlock, SystemContentBlock, Tool, ToolConfiguration,
    ToolInputSchema, ToolResultContentBlock, VideoBlock, VideoSource,
};
use aws_smithy_types::Document;
use outlay_price::{ModelKind, ModelRef};

use super::prompt_size::{Medium, REMOTE, Size};
use crate::document;

/// The overhead of each message, tool and content block.
const BLOCK: Size = Size::beside(16, 4);
/// A small block that this version cannot read.
const OPAQUE: Size = Size::beside(20_000, 2_000);

/// A request whose input has a size.
pub(crate) trait Prompt {
    /// Returns the size of the input.
    fn size(&self) -> Size;
}

/// The SDK's two inputs have the same members, but no common trait.
macro_rules! prompt {
    ($($input:ty),*) => { $(
        impl Prompt for $input {
            fn size(&self) -> Size {
                sum(self.messages(), message)
                    .and(sum(self.system(), system))
                    .and(self.tool_config().map_or(Size::default(), tools))
                    .and(self.additional_model_request_fields().map_or(Size::default(), json))
                    .and(self.output_config().map_or(Size::default(), output_schema))
                    .and(stored_prompt(self.model_id(), self.prompt_variables()))
                    .in_request()
            }
        }
    )* };
}

prompt!(ConverseInput, ConverseStreamInput);

fn sum<T>(items: &[T], size: impl Fn(&T) -> Size) -> Size {
    items.iter().fold(Size::default(), |sum, item| sum.and(size(item)))
}

fn json(document: &Document) -> Size {
    Size::text(document::bytes(document))
}

/// Returns the size of a stored prompt. AWS keeps its text, so only the variables can be counted.
fn stored_prompt(model: Option<&str>, variables: Option<&HashMap<String, PromptVariableValues>>) -> Size {
    let is_stored =
        model.and_then(|model| ModelRef::parse(model).ok()).is_some_and(|model| model.kind() == ModelKind::Prompt);
    if !is_stored && variables.is_none() {
        return Size::default();
    }
    let values = variables.into_iter().flat_map(HashMap::values).filter_map(|value| value.as_text().ok());
    values.fold(REMOTE, |size, text| size.and(Size::of_text(text)))
}

fn output_schema(config: &OutputConfig) -> Size {
    let structure = config.text_format().and_then(OutputFormat::structure);
    let Some(OutputFormatStructure::JsonSchema(schema)) = structure else { return Size::default() };
    let texts = [Some(schema.schema()), schema.name(), schema.description()];
    texts.into_iter().flatten().fold(Size::default(), |size, text| size.and(Size::of_text(text)))
}

fn message(message: &Message) -> Size {
    BLOCK.and(sum(message.content(), content))
}

fn content(block: &ContentBlock) -> Size {
    BLOCK.and(match block {
        ContentBlock::Text(text) => Size::of_text(text),
        ContentBlock::Image(image) => attached_image(image),
        ContentBlock::Document(block) => attached_document(block),
        ContentBlock::Video(block) => attached_video(block),
        ContentBlock::ToolUse(tool) => {
            Size::of_text(tool.name()).and(Size::of_text(tool.tool_use_id())).and(json(tool.input()))
        }
        ContentBlock::ToolResult(result) => Size::of_text(result.tool_use_id()).and(sum(result.content(), tool_result)),
        ContentBlock::ReasoningContent(reasoning) => match reasoning {
            ReasoningContentBlock::ReasoningText(text) => {
                Size::of_text(text.text()).and(Size::of_text(text.signature().unwrap_or_default()))
            }
            ReasoningContentBlock::RedactedContent(blob) => Size::text(blob.as_ref().len() as u64),
            _ => OPAQUE,
        },
        ContentBlock::GuardContent(guard) => guarded(guard),
        ContentBlock::SearchResult(result) => search_result(result),
        ContentBlock::Audio(block) => attached_audio(block),
        ContentBlock::CitationsContent(citations) => {
            let content =
                sum(citations.content(), |content| content.as_text().map_or(OPAQUE, |text| Size::of_text(text)));
            content.and(sum(citations.citations(), |citation| {
                let quoted =
                    sum(citation.source_content(), |text| text.as_text().map_or(OPAQUE, |text| Size::of_text(text)));
                quoted.and(Size::of_text(citation.title().unwrap_or_default()))
            }))
        }
        ContentBlock::CachePoint(_) => Size::default(),
        // A block that this version cannot read.
        _ => REMOTE,
    })
}

fn tool_result(block: &ToolResultContentBlock) -> Size {
    BLOCK.and(match block {
        ToolResultContentBlock::Text(text) => Size::of_text(text),
        ToolResultContentBlock::Json(document) => json(document),
        ToolResultContentBlock::Image(image) => attached_image(image),
        ToolResultContentBlock::Document(block) => attached_document(block),
        ToolResultContentBlock::Video(block) => attached_video(block),
        ToolResultContentBlock::SearchResult(result) => search_result(result),
        _ => REMOTE,
    })
}

fn search_result(result: &SearchResultBlock) -> Size {
    sum(result.content(), |content| Size::of_text(content.text()))
        .and(Size::of_text(result.source()))
        .and(Size::of_text(result.title()))
}

fn system(block: &SystemContentBlock) -> Size {
    BLOCK.and(match block {
        SystemContentBlock::Text(text) => Size::of_text(text),
        SystemContentBlock::CachePoint(_) => Size::default(),
        SystemContentBlock::GuardContent(guard) => guarded(guard),
        _ => OPAQUE,
    })
}

fn guarded(block: &GuardrailConverseContentBlock) -> Size {
    block.as_text().map_or(OPAQUE, |text| Size::of_text(text.text()))
}

fn tools(config: &ToolConfiguration) -> Size {
    sum(config.tools(), |tool| {
        BLOCK.and(match tool {
            Tool::ToolSpec(spec) => {
                let schema = match spec.input_schema() {
                    Some(ToolInputSchema::Json(document)) => json(document),
                    _ => Size::default(),
                };
                Size::of_text(spec.name()).and(Size::of_text(spec.description().unwrap_or_default())).and(schema)
            }
            Tool::CachePoint(_) => Size::default(),
            _ => OPAQUE,
        })
    })
}

/// An image counts the same wherever it is stored.
fn attached_image(image: &ImageBlock) -> Size {
    let bytes = match image.source() {
        Some(ImageSource::Bytes(blob)) => blob.as_ref().len() as u64,
        _ => 0,
    };
    Size::attached(Medium::Image, bytes)
}

fn attached_document(block: &DocumentBlock) -> Size {
    let text = Size::of_text(block.name()).and(Size::of_text(block.context().unwrap_or_default()));
    text.and(match block.source() {
        Some(DocumentSource::Text(text)) => Size::of_text(text),
        Some(DocumentSource::Bytes(blob)) => Size::attached(Medium::Document, blob.as_ref().len() as u64),
        Some(DocumentSource::Content(blocks)) => sum(blocks, |block| match block {
            DocumentContentBlock::Text(text) => Size::of_text(text),
            _ => OPAQUE,
        }),
        _ => REMOTE,
    })
}

fn attached_audio(block: &AudioBlock) -> Size {
    match block.source() {
        Some(AudioSource::Bytes(blob)) => Size::attached(Medium::Audio, blob.as_ref().len() as u64),
        _ => REMOTE,
    }
}

fn attached_video(block: &VideoBlock) -> Size {
    match block.source() {
        Some(VideoSource::Bytes(blob)) => Size::attached(Medium::Video, blob.as_ref().len() as u64),
        _ => REMOTE,
    }
}
