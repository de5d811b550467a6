//! The one list of the names that have a meaning in a `usage` object.

use super::Member;

/// The meaning of a name in a `usage` object.
#[derive(Clone, Copy)]
pub(in crate::usage) enum Name {
    Number(Member),
    /// Input that the cache served, by a name that says it is part of the input.
    CachedPart,
    /// A split of a count into parts.
    Details(Whole),
    /// Anthropic's split of cache writes by lifetime.
    CacheCreation,
    /// Converse's split of cache writes by lifetime.
    CacheDetails,
    Iterations,
    ServerTools,
    /// Cohere's counts.
    BilledUnits,
    /// A repetition of another member, or a number that is not billed.
    Repetition,
}

/// The count that details split.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::usage) enum Whole {
    Input,
    Output,
    Other,
}

/// The names of Anthropic, OpenAI (Chat Completions and Responses), Nova and Converse, Kimi, DeepSeek, Cohere and xAI.
const NAMES: &[(&str, Name)] = &[
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
    ("cached_tokens", Name::CachedPart),
    ("prompt_cache_hit_tokens", Name::Number(Member::CacheRead)),
    ("prompt_cache_miss_tokens", Name::Number(Member::CacheMiss)),
    ("cache_creation_input_tokens", Name::Number(Member::CacheWrite)),
    ("cacheWriteInputTokens", Name::Number(Member::CacheWrite)),
    ("cacheWriteInputTokenCount", Name::Number(Member::CacheWrite)),
    ("cache_write_tokens", Name::Number(Member::CacheWrite)),
    ("reasoning_tokens", Name::Number(Member::Reasoning)),
    ("cache_creation", Name::CacheCreation),
    ("cacheDetails", Name::CacheDetails),
    ("cache_details", Name::CacheDetails),
    ("prompt_tokens_details", Name::Details(Whole::Input)),
    ("input_tokens_details", Name::Details(Whole::Input)),
    ("prompt_token_details", Name::Details(Whole::Input)),
    ("input_token_details", Name::Details(Whole::Input)),
    ("completion_tokens_details", Name::Details(Whole::Output)),
    ("output_tokens_details", Name::Details(Whole::Output)),
    ("completion_token_details", Name::Details(Whole::Output)),
    ("output_token_details", Name::Details(Whole::Output)),
    ("iterations", Name::Iterations),
    ("server_tool_use", Name::ServerTools),
    ("serverToolUsage", Name::ServerTools),
    ("server_side_tool_usage_details", Name::ServerTools),
    ("billed_units", Name::BilledUnits),
    // Cohere's counts before they become billed units.
    ("tokens", Name::Repetition),
    // What xAI charges for the tokens above, in a currency unit of its own.
    ("cost_in_usd_ticks", Name::Repetition),
];

/// The meaning of a part in the details of the input or the output.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Number(Member),
    /// Tokens of one medium. Each token belongs to one medium.
    Medium,
    /// Tokens of audio, which may have another price.
    Audio,
    /// Cache writes by lifetime.
    CacheCreation,
    /// Tokens of another kind, which are included in the split count.
    Tokens,
    /// A further split of a part.
    Details,
    /// Not tokens: it splits no count.
    Other,
}

/// The parts of the input. These include LiteLLM's names, because gateways pass them on.
const INPUT_PARTS: &[(&str, Part)] = &[
    ("cached_tokens", Part::Number(Member::CacheRead)),
    ("cache_read_tokens", Part::Number(Member::CacheRead)),
    ("cache_read_input_tokens", Part::Number(Member::CacheRead)),
    ("cache_write_tokens", Part::Number(Member::CacheWrite)),
    ("cache_creation_tokens", Part::Number(Member::CacheWrite)),
    ("cached_creation_tokens", Part::Number(Member::CacheWrite)),
    ("cache_creation_input_tokens", Part::Number(Member::CacheWrite)),
    ("cache_creation_token_details", Part::CacheCreation),
    ("cache_creation", Part::CacheCreation),
];

const OUTPUT_PARTS: &[(&str, Part)] =
    &[("reasoning_tokens", Part::Number(Member::Reasoning)), ("thinking_tokens", Part::Number(Member::Reasoning))];

const MEDIA: &[(&str, Part)] = &[
    ("text_tokens", Part::Medium),
    ("image_tokens", Part::Medium),
    ("video_tokens", Part::Medium),
    ("audio_tokens", Part::Audio),
];

impl Name {
    /// Returns the meaning of a member of a `usage`, or `None` if it is not listed.
    pub(super) fn of(name: &str) -> Option<Self> {
        // Details split a count that is also reported.
        find(NAMES, name).or_else(|| is_details(name).then_some(Self::Details(Whole::Other)))
    }
}

impl Part {
    /// Returns the meaning of a member in the details of a count.
    pub(super) fn of(whole: Whole, name: &str) -> Self {
        let own = match whole {
            Whole::Input => INPUT_PARTS,
            Whole::Output => OUTPUT_PARTS,
            Whole::Other => &[],
        };
        match find(own, name).or_else(|| find(MEDIA, name)) {
            Some(part) => part,
            None if is_details(name) => Self::Details,
            None if is_tokens(name) => Self::Tokens,
            None => Self::Other,
        }
    }
}

fn find<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

fn is_details(name: &str) -> bool {
    name.ends_with("_details") || name.ends_with("Details")
}

fn is_tokens(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["tokens", "token_count", "tokencount"].iter().any(|end| name.ends_with(end))
}
