//! The text of a price file as a tree that knows its lines: one reader serves all syntaxes.

use std::borrow::Cow;
use std::path::Path;

use super::error::LoadPricesError;

mod json;
mod toml;

/// How a price file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Toml,
    Json,
}

/// A value, and the line it starts on.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) line: usize,
    /// What the syntax calls it, for people.
    pub(super) kind: &'static str,
    pub(super) value: Value<'t>,
}

#[derive(Debug)]
pub(super) enum Value<'t> {
    Text(Cow<'t, str>),
    /// The digits of a number that is read as text.
    Number(Cow<'t, str>),
    /// A number that most readers would take through a binary float.
    Float,
    Table(Vec<Entry<'t>>),
    List(Vec<Node<'t>>),
    Other,
}

/// A key with its value, and the line of the key.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub(super) key: Cow<'t, str>,
    pub(super) line: usize,
    pub(super) node: Node<'t>,
}

impl Syntax {
    /// JSON where the name ends so, else TOML.
    pub(super) fn of_file(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }

    /// The file as a whole, which is a table.
    pub(super) fn parse(self, text: &str) -> Result<Node<'_>, LoadPricesError> {
        // Some editors mark UTF-8 so.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Lines::new(text);
        match self {
            Self::Toml => toml::parse(text, &lines),
            Self::Json => json::parse(text, &lines),
        }
    }
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at + 1).collect())
    }

    /// The line that a byte is on, from 1.
    fn of(&self, byte: usize) -> usize {
        1 + self.0.partition_point(|&start| start <= byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_on_the_lines_that_editors_show() {
        let lines = Lines::new("ab\n\nc");
        assert_eq!([0, 2, 3, 4, 5, 99].map(|byte| lines.of(byte)), [1, 1, 2, 3, 3, 3]);
    }

    #[test]
    fn the_extension_tells_the_syntax() {
        for (name, want) in [("a.json", Syntax::Json), ("b/a.JSON", Syntax::Json), ("a.toml", Syntax::Toml)] {
            assert_eq!(Syntax::of_file(Path::new(name)), want, "{name}");
        }
    }
}
