//! The characters, width and colour of a report, and the cleaning of text for the terminal.

use std::borrow::Cow;

use outlay_price::ModelRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::Style;

/// The minimum width: a narrower table has no room for its numbers.
const MIN_WIDTH: usize = 60;
/// The maximum number of characters of a text from outside.
const MAX_TEXT: usize = 256;
/// The maximum number of combining marks on one character, which is enough for any script.
const MAX_MARKS: usize = 3;

/// A style and the characters to draw with.
#[derive(Debug)]
pub(super) struct Theme {
    pub(super) width: usize,
    pub(super) colour: bool,
    unicode: bool,
    pub(super) branch: &'static str,
    pub(super) last_branch: &'static str,
    pub(super) bar: &'static str,
    pub(super) failed: &'static str,
    pub(super) retry: &'static str,
    pub(super) ellipsis: &'static str,
    pub(super) times: &'static str,
    pub(super) at_most: &'static str,
    pub(super) at_least: &'static str,
}

impl Theme {
    pub(super) fn new(style: Style) -> Self {
        let Style { unicode, colour, width, max_lines: _ } = style;
        let width = width.max(MIN_WIDTH);
        if unicode {
            Self {
                width,
                colour,
                unicode,
                branch: "├─ ",
                last_branch: "└─ ",
                bar: "│  ",
                failed: "✗ failed",
                retry: "↻",
                ellipsis: "…",
                times: "×",
                at_most: "≤",
                at_least: "≥",
            }
        } else {
            Self {
                width,
                colour,
                unicode,
                branch: "|- ",
                last_branch: "`- ",
                bar: "|  ",
                failed: "x failed",
                retry: "retry",
                ellipsis: "...",
                times: "x",
                at_most: "<=",
                at_least: ">=",
            }
        }
    }

    /// Returns printable text: without control characters or characters that reorder or hide text, and in ASCII if the
    /// style asks for it. Cuts it to `MAX_TEXT` characters.
    pub(super) fn clean(&self, text: &str) -> String {
        self.clean_chars(text.chars().take(MAX_TEXT))
    }

    /// Like `clean`, but does not limit the length.
    pub(super) fn clean_whole(&self, text: &str) -> String {
        self.clean_chars(text.chars())
    }

    fn clean_chars(&self, chars: impl Iterator<Item = char>) -> String {
        let mut clean = String::new();
        let mut marks = 0;
        for c in chars {
            let c = match c {
                '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
                c if c.is_control() || is_invisible(c) => continue,
                c if !self.unicode && !c.is_ascii() => '?',
                c => c,
            };
            marks = if c.width() == Some(0) { marks + 1 } else { 0 };
            if marks <= MAX_MARKS {
                clean.push(c);
            }
        }
        clean.trim().to_owned()
    }

    /// Cuts clean text to at most `width` columns.
    pub(super) fn cut<'a>(&self, text: &'a str, width: usize) -> Cow<'a, str> {
        if text.width() <= width {
            return Cow::Borrowed(text);
        }
        let Some(room) = width.checked_sub(self.ellipsis.width()) else {
            return Cow::Borrowed("");
        };
        let mut kept = String::new();
        for c in text.chars() {
            kept.push(c);
            // The width of a text is not always the sum of its characters' widths.
            if kept.width() > room {
                kept.pop();
                break;
            }
        }
        kept.truncate(kept.trim_end().len());
        Cow::Owned(kept + self.ellipsis)
    }

    /// Like `cut`, but cuts between words if that does not lose much.
    pub(super) fn cut_words<'a>(&self, text: &'a str, width: usize) -> Cow<'a, str> {
        match self.cut(text, width) {
            Cow::Borrowed(whole) => Cow::Borrowed(whole),
            Cow::Owned(cut) => {
                let kept = cut.strip_suffix(self.ellipsis).unwrap_or(&cut);
                let in_word = text[kept.len()..].starts_with(|c: char| !c.is_whitespace());
                let words = kept.rfind(' ').filter(|end| in_word && end * 2 > kept.len());
                let kept = &kept[..words.unwrap_or(kept.len())];
                // Drop a trailing colon or mark.
                let kept = kept.trim_end_matches(|c: char| !c.is_alphanumeric());
                Cow::Owned(format!("{kept}{}", self.ellipsis))
            }
        }
    }

    /// Returns a model's short name, or the text itself if it is no model id.
    pub(super) fn model(&self, model: &str) -> String {
        match ModelRef::parse(model) {
            Ok(model) => self.clean(&model.short_name()),
            Err(_) => self.clean(model),
        }
    }
}

/// Returns whether a character has no width but affects others: direction marks, joiners, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unicode() -> Theme {
        Theme::new(Style { unicode: true, ..Style::plain() })
    }

    #[test]
    fn clean_removes_control_and_invisible_characters() {
        let theme = unicode();
        assert_eq!(theme.clean("a\x1b[2J\x07b\nc\u{9b}31m"), "a[2Jb c31m");
        assert_eq!(theme.clean("user\u{202e}gpj.exe\u{200b}"), "usergpj.exe");
        assert_eq!(theme.clean(&format!("e{}", "\u{301}".repeat(100))), "e\u{301}\u{301}\u{301}");
        assert_eq!(theme.clean(&"x".repeat(10_000)).len(), MAX_TEXT);
        assert_eq!(Theme::new(Style::plain()).clean("naïve 検索"), "na?ve ??");
    }

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        let theme = unicode();
        assert_eq!(theme.cut("検索", 4), "検索");
        assert_eq!(theme.cut("検索する", 6), "検索…");
        assert_eq!(theme.cut("a long name", 7), "a long…");
        assert_eq!(theme.cut("abc", 0), "");
        assert_eq!(theme.cut_words("2 attempts: 429, 200", 14), "2 attempts…");
        assert_eq!(theme.cut_words("2 attempts: 429, 200", 12), "2 attempts…");
        assert_eq!(theme.cut_words("indivisible", 7), "indivi…");
        assert_eq!(Theme::new(Style::plain()).cut("abcdef", 5), "ab...");
    }
}
