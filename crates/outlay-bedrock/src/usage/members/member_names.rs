//! The names that mean something in a `usage` object. This is the one list of them.

use super::Member;

/// What a name in a `usage` object stands for.
#[derive(Clone, Copy)]
pub(in crate::usage) enum Name {
    Number(Member),
    /// What the cache served, by a name that says that it is a part of the input.
    CachedPart,
    /// Splits a count into parts.
    Details(Whole),
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

/// What a part in the details of the input or of the output stands for.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Number(Member),
    /// Tokens of one medium. Each token is of one of them.
    Medium,
    /// Likewise, and its price may be another.
    Audio,
    /// Cache writes by lifetime.
    CacheCreation,
    /// Tokens of another kind, which are in the count that is split.
    Tokens,
    /// What splits a part once more.
    Details,
    /// No tokens: it splits no count.
    Other,
}

/// The parts of the input. The names that LiteLLM writes are among them, since gateways pass them on.
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
    /// Returns what a member of a `usage` stands for; `None` where it is not on the list.
    pub(super) fn of(name: &str) -> Option<Self> {
        // Details split a count that stands beside them.
        find(NAMES, name).or_else(|| is_details(name).then_some(Self::Details(Whole::Other)))
    }
}

impl Part {
    /// Returns what a member of the details of a count stands for.
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
