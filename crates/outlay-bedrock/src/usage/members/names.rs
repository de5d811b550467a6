//! The names that mean something in a `usage` object. This is the one list of them.

use super::Member;

/// What a name in a `usage` object stands for.
#[derive(Clone, Copy)]
pub(in crate::usage) enum Name {
    Number(Member),
    /// Splits the input, and so tells that it includes the cache.
    InputDetails,
    OutputDetails,
    /// Anthropic's split of cache writes by lifetime.
    CacheCreation,
    /// Converse's.
    CacheDetails,
    Iterations,
    ServerTools,
    /// Cohere's.
    BilledUnits,
    /// Repeats what another member says, or counts nothing that is billed.
    Repetition,
}

/// Anthropic, OpenAI (Chat Completions and Responses), Nova and Converse, Kimi, DeepSeek, Cohere, xAI.
pub(super) const NAMES: &[(&str, Name)] = &[
    ("input_tokens", Name::Number(Member::Input)),
    ("inputTokens", Name::Number(Member::Input)),
    ("prompt_tokens", Name::Number(Member::Prompt)),
    ("output_tokens", Name::Number(Member::Output)),
    ("outputTokens", Name::Number(Member::Output)),
    ("completion_tokens", Name::Number(Member::Output)),
    ("total_tokens", Name::Number(Member::Total)),
    ("totalTokens", Name::Number(Member::Total)),
    ("cache_read_input_tokens", Name::Number(Member::CacheRead)),
    ("cacheReadInputTokens", Name::Number(Member::CacheRead)),
    ("cacheReadInputTokenCount", Name::Number(Member::CacheRead)),
    ("cached_tokens", Name::Number(Member::CacheRead)),
    ("prompt_cache_hit_tokens", Name::Number(Member::CacheRead)),
    ("prompt_cache_miss_tokens", Name::Number(Member::CacheMiss)),
    ("cache_creation_input_tokens", Name::Number(Member::CacheWrite)),
    ("cacheWriteInputTokens", Name::Number(Member::CacheWrite)),
    ("cacheWriteInputTokenCount", Name::Number(Member::CacheWrite)),
    ("cache_write_tokens", Name::Number(Member::CacheWrite)),
    ("reasoning_tokens", Name::Number(Member::Reasoning)),
    ("cache_creation", Name::CacheCreation),
    ("cacheDetails", Name::CacheDetails),
    ("prompt_tokens_details", Name::InputDetails),
    ("input_tokens_details", Name::InputDetails),
    ("prompt_token_details", Name::InputDetails),
    ("input_token_details", Name::InputDetails),
    ("completion_tokens_details", Name::OutputDetails),
    ("output_tokens_details", Name::OutputDetails),
    ("completion_token_details", Name::OutputDetails),
    ("output_token_details", Name::OutputDetails),
    ("iterations", Name::Iterations),
    ("server_tool_use", Name::ServerTools),
    ("serverToolUsage", Name::ServerTools),
    ("billed_units", Name::BilledUnits),
    // Cohere's counts before they become billed units.
    ("tokens", Name::Repetition),
    // What xAI charges for the tokens above, in a currency unit of its own.
    ("cost_in_usd_ticks", Name::Repetition),
];
