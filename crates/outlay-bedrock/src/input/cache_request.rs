//! Reads what a request asks the cache to store, and whether it asks for a compaction.

use aws_sdk_bedrockruntime::types::{
    CachePointBlock, ContentBlock, Message, SystemContentBlock, Tool, ToolConfiguration,
};
use aws_smithy_types::Document;
use memchr::memmem;

/// What a request asks the cache to store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CacheRequest {
    #[default]
    Nothing,
    /// A part of the prompt, for the default lifetime.
    DefaultTtl,
    /// A part of the prompt, some of it for an hour.
    OneHour,
}

impl CacheRequest {
    /// Reads a model's own body.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        if ![&b"cache_control"[..], b"cachePoint"].iter().any(|mark| memmem::find(body, mark).is_some()) {
            return Self::Nothing;
        }
        let is_hour = |at: usize| {
            let value = body[at + b"\"ttl\"".len()..].trim_ascii_start().strip_prefix(b":");
            value.is_some_and(|value| value.trim_ascii_start().starts_with(b"\"1h\""))
        };
        if memmem::find_iter(body, b"\"ttl\"").any(is_hour) { Self::OneHour } else { Self::DefaultTtl }
    }

    /// Reads the input of Converse.
    pub(super) fn of_converse(
        messages: &[Message],
        system: &[SystemContentBlock],
        tools: Option<&ToolConfiguration>,
    ) -> Self {
        let in_system = system.iter().filter_map(|block| block.as_cache_point().ok());
        let in_tools =
            tools.into_iter().flat_map(ToolConfiguration::tools).filter_map(|tool: &Tool| tool.as_cache_point().ok());
        let in_messages =
            messages.iter().flat_map(Message::content).filter_map(|block: &ContentBlock| block.as_cache_point().ok());
        in_system.chain(in_tools).chain(in_messages).map(Self::of_point).max().unwrap_or_default()
    }

    fn of_point(point: &CachePointBlock) -> Self {
        if point.ttl().is_some_and(|ttl| ttl.as_str() == "1h") { Self::OneHour } else { Self::DefaultTtl }
    }
}

/// The prefix of Anthropic's compaction edit, `compact_20260112`.
const COMPACTION: &str = "compact_";

/// Returns whether a model's own body asks to compact the conversation before the answer, which takes another
/// inference.
pub(crate) fn asks_compaction(body: &[u8]) -> bool {
    memmem::find(body, b"\"context_management\"").is_some() && memmem::find(body, b"\"compact_").is_some()
}

/// Returns whether the members that Converse passes to the model ask for a compaction.
pub(super) fn converse_asks_compaction(additional: Option<&Document>) -> bool {
    let edits =
        additional.and_then(|own| own.as_object()?.get("context_management")?.as_object()?.get("edits")?.as_array());
    let is_compaction = |edit: &Document| {
        edit.as_object().and_then(|edit| edit.get("type")?.as_string()).is_some_and(|kind| kind.starts_with(COMPACTION))
    };
    edits.is_some_and(|edits| edits.iter().any(is_compaction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_lifetime_is_read_from_the_body() {
        for (body, expected) in [
            (r#"{"messages":[]}"#, CacheRequest::Nothing),
            (r#"{"system":[{"cache_control":{"type":"ephemeral"}}]}"#, CacheRequest::DefaultTtl),
            (r#"{"system":[{"cache_control":{"type":"ephemeral","ttl":"5m"}}]}"#, CacheRequest::DefaultTtl),
            (r#"{"system":[{"cache_control":{"type":"ephemeral", "ttl" : "1h"}}]}"#, CacheRequest::OneHour),
            (r#"{"a":{"cache_control":{"ttl":"5m"}},"b":{"cache_control":{"ttl":"1h"}}}"#, CacheRequest::OneHour),
            (r#"{"a":{"cache_control":{}},"text":"\"ttl\":\"1h\""}"#, CacheRequest::DefaultTtl),
        ] {
            assert_eq!(CacheRequest::of_body(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_compaction_is_one_of_the_edits() {
        assert!(asks_compaction(br#"{"context_management":{"edits":[{"type":"compact_20260112"}]}}"#));
        assert!(!asks_compaction(br#"{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}"#));
    }
}
