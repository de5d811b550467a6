/// A word of a usage type, with its offset in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

/// Splits at hyphens: `Claude4.6Sonnet-input-tokens`.
pub(super) fn split_hyphens(text: &str) -> Vec<Word<'_>> {
    split(text, |byte| byte == b'-', |_, _| false)
}

/// Splits at underscores and hyphens, and before capital letters and digits: `InputTokenCount_Global` and
/// `input_tokens_global`.
pub(super) fn split_marketplace(text: &str) -> Vec<Word<'_>> {
    let starts_word = |before: u8, byte: u8| {
        (byte.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()))
            || (byte.is_ascii_digit() && before.is_ascii_lowercase())
    };
    split(text, |byte| byte == b'_' || byte == b'-', starts_word)
}

fn split(text: &str, is_separator: fn(u8) -> bool, starts_word: fn(u8, u8) -> bool) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut before = b'-';
    for (at, byte) in text.bytes().enumerate() {
        // Both split at ASCII bytes, so these are character boundaries.
        if is_separator(byte) {
            words.push(Word { text: &text[start..at], start });
            start = at + 1;
        } else if at > start && starts_word(before, byte) {
            words.push(Word { text: &text[start..at], start });
            start = at;
        }
        before = byte;
    }
    words.push(Word { text: &text[start..], start });
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: Vec<Word<'_>>) -> Vec<&str> {
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_split_at_hyphens_underscores_and_capitals() {
        assert_eq!(texts(split_hyphens("NovaLite-input-tokens")), ["NovaLite", "input", "tokens"]);
        let words = split_marketplace("CacheWrite1hInputTokenCount_Global");
        assert_eq!(texts(words), ["Cache", "Write", "1h", "Input", "Token", "Count", "Global"]);
        assert_eq!(texts(split_marketplace("Reserved_3Month_OutputTPM")), ["Reserved", "3", "Month", "Output", "TPM"]);
        assert_eq!(texts(split_marketplace("cache_write_tokens_1h")), ["cache", "write", "tokens", "1h"]);
    }
}
