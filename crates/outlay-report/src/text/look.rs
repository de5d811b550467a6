//! What may reach the terminal: characters, their width, their colour.

use std::borrow::Cow;

use outlay_price::ModelRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::Style;

/// Narrower than this, the table has no room for its numbers.
const MIN_WIDTH: usize = 60;
/// No text is longer than this, whoever gave it.
const MAX_TEXT: usize = 256;
/// As many accents as any script puts on one character; more are there to deface the page.
const MAX_MARKS: usize = 3;

/// A style, with the characters that it draws with.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) width: usize,
    pub(super) colour: bool,
    unicode: bool,
    pub(super) branch: &'static str,
    pub(super) last: &'static str,
    pub(super) bar: &'static str,
    pub(super) failed: &'static str,
    pub(super) again: &'static str,
    pub(super) more: &'static str,
    pub(super) times: &'static str,
    pub(super) at_most: &'static str,
    pub(super) at_least: &'static str,
}

impl Look {
    pub(super) fn new(style: Style) -> Self {
        let Style { unicode, colour, width, max_lines: _ } = style;
        let width = width.max(MIN_WIDTH);
        if unicode {
            Self {
                width,
                colour,
                unicode,
                branch: "├─ ",
                last: "└─ ",
                bar: "│  ",
                failed: "✗ failed",
                again: "↻",
                more: "…",
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
                last: "`- ",
                bar: "|  ",
                failed: "x failed",
                again: "retry",
                more: "...",
                times: "x",
                at_most: "<=",
                at_least: ">=",
            }
        }
    }

    /// `text` as it may be printed: no control characters, nothing that reorders or hides other text, and only ASCII
    /// where that is asked for.
    pub(super) fn clean(&self, text: &str) -> String {
        self.clean_chars(text.chars().take(MAX_TEXT))
    }

    /// As `clean`, however long it is.
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

    /// `text`, which is clean, in at most `width` columns.
    pub(super) fn cut<'a>(&self, text: &'a str, width: usize) -> Cow<'a, str> {
        if text.width() <= width {
            return Cow::Borrowed(text);
        }
        let Some(room) = width.checked_sub(self.more.width()) else {
            return Cow::Borrowed("");
        };
        let mut kept = String::new();
        for c in text.chars() {
            kept.push(c);
            // The width of a text is not always the sum of its characters'.
            if kept.width() > room {
                kept.pop();
                break;
            }
        }
        kept.truncate(kept.trim_end().len());
        Cow::Owned(kept + self.more)
    }

    /// As `cut`, but between words where that does not lose much.
    pub(super) fn cut_words<'a>(&self, text: &'a str, width: usize) -> Cow<'a, str> {
        match self.cut(text, width) {
            Cow::Borrowed(whole) => Cow::Borrowed(whole),
            Cow::Owned(cut) => {
                let kept = cut.strip_suffix(self.more).unwrap_or(&cut);
                let in_word = text[kept.len()..].starts_with(|c: char| !c.is_whitespace());
                let words = kept.rfind(' ').filter(|end| in_word && end * 2 > kept.len());
                let kept = &kept[..words.unwrap_or(kept.len())];
                // Nor after a colon, nor after a mark whose words are gone.
                let kept = kept.trim_end_matches(|c: char| !c.is_alphanumeric());
                Cow::Owned(format!("{kept}{}", self.more))
            }
        }
    }

    /// A model's short name; its text where it is no model id.
    pub(super) fn model(&self, model: &str) -> String {
        match ModelRef::parse(model) {
            Ok(model) => self.clean(&model.short_name()),
            Err(_) => self.clean(model),
        }
    }
}

/// Characters that take no place but change how others look: directions, joints, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unicode() -> Look {
        Look::new(Style { unicode: true, ..Style::plain() })
    }

    #[test]
    fn a_hostile_text_is_harmless() {
        let look = unicode();
        assert_eq!(look.clean("a\x1b[2J\x07b\nc\u{9b}31m"), "a[2Jb c31m");
        assert_eq!(look.clean("user\u{202e}gpj.exe\u{200b}"), "usergpj.exe");
        assert_eq!(look.clean(&format!("e{}", "\u{301}".repeat(100))), "e\u{301}\u{301}\u{301}");
        assert_eq!(look.clean(&"x".repeat(10_000)).len(), MAX_TEXT);
        assert_eq!(Look::new(Style::plain()).clean("naïve 検索"), "na?ve ??");
    }

    #[test]
    fn a_text_is_cut_by_columns_not_by_characters() {
        let look = unicode();
        assert_eq!(look.cut("検索", 4), "検索");
        assert_eq!(look.cut("検索する", 6), "検索…");
        assert_eq!(look.cut("a long name", 7), "a long…");
        assert_eq!(look.cut("abc", 0), "");
        assert_eq!(look.cut_words("2 attempts: 429, 200", 14), "2 attempts…");
        assert_eq!(look.cut_words("2 attempts: 429, 200", 12), "2 attempts…");
        assert_eq!(look.cut_words("indivisible", 7), "indivi…");
        assert_eq!(Look::new(Style::plain()).cut("abcdef", 5), "ab...");
    }
}
