//! The syntax tree of a price file, with line numbers. It is the same for TOML and JSON.

use std::borrow::Cow;
use std::path::Path;

use super::error::LoadPricesError;

mod json;
mod toml;

/// The syntax of a price file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Toml,
    Json,
}

/// A value and the line that it starts on.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) line: usize,
    /// The name of the value's type in the syntax, for errors.
    pub(super) kind: &'static str,
    pub(super) value: Value<'t>,
}

#[derive(Debug)]
pub(super) enum Value<'t> {
    Text(Cow<'t, str>),
    /// The text of a number.
    Number(Cow<'t, str>),
    /// A number that most readers would parse as a binary float.
    Float,
    Table(Vec<Entry<'t>>),
    List(Vec<Node<'t>>),
    Other,
}

/// A key and its value, with the line of the key.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub(super) key: Cow<'t, str>,
    pub(super) line: usize,
    pub(super) node: Node<'t>,
}

impl Syntax {
    /// Returns JSON if the extension is `.json`, else TOML.
    pub(super) fn of_file(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }

    /// Parses a whole file.
    pub(super) fn parse(self, text: &str) -> Result<Node<'_>, LoadPricesError> {
        // Some editors start UTF-8 files with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Lines::new(text);
        match self {
            Self::Toml => toml::parse(text, &lines),
            Self::Json => json::parse(text, &lines),
        }
    }
}

/// The start offsets of all lines after the first one.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at + 1).collect())
    }

    /// Returns the line of a byte, starting at 1.
    fn of(&self, byte: usize) -> usize {
        1 + self.0.partition_point(|&start| start <= byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_start_at_1() {
        let lines = Lines::new("ab\n\nc");
        assert_eq!([0, 2, 3, 4, 5, 99].map(|byte| lines.of(byte)), [1, 1, 2, 3, 3, 3]);
    }

    #[test]
    fn the_extension_determines_the_syntax() {
        for (name, expected) in [("a.json", Syntax::Json), ("b/a.JSON", Syntax::Json), ("a.toml", Syntax::Toml)] {
            assert_eq!(Syntax::of_file(Path::new(name)), expected, "{name}");
        }
    }
}
