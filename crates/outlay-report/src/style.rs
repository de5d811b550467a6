use std::env;
use std::io::{self, IsTerminal};

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Box drawing and names in any script; else ASCII only, with `?` for every other character.
    pub unicode: bool,
    /// Red for what failed and what is over its budget.
    pub colour: bool,
    /// No line is wider than this many columns; at least 60.
    pub width: usize,
    /// A larger tree is folded, so that the report has at most this many lines. A few are always needed, whatever is
    /// asked: the header, the five most expensive rows, the summary.
    pub max_lines: usize,
}

impl Style {
    /// ASCII without colour, 100 columns and 30 lines.
    pub const fn plain() -> Self {
        Self { unicode: false, colour: false, width: 100, max_lines: 30 }
    }

    /// What suits the environment, at 100 columns and 30 lines.
    ///
    /// - Unicode, unless the locale (the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set) is not UTF-8, or
    ///   `TERM` is `dumb`.
    /// - Colour only where standard output is a terminal, `NO_COLOR` is not set and `TERM` is not `dumb`.
    pub fn detect() -> Self {
        Self::from_environment(|name| env::var(name).ok(), io::stdout().is_terminal())
    }

    fn from_environment(variable: impl Fn(&str) -> Option<String>, terminal: bool) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self { unicode: utf8 && !dumb, colour: terminal && !dumb && set("NO_COLOR").is_none(), ..Self::plain() }
    }
}

impl Default for Style {
    /// What suits the environment.
    fn default() -> Self {
        Self::detect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(variables: &[(&str, &str)], terminal: bool) -> (bool, bool) {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let style = Style::from_environment(variable, terminal);
        (style.unicode, style.colour)
    }

    #[test]
    fn the_locale_and_a_dumb_terminal_ask_for_ascii() {
        for (variables, unicode) in [
            (&[("LANG", "en_US.UTF-8")][..], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LANG", "C")], false),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")], true),
            (&[("TERM", "dumb"), ("LANG", "en_US.UTF-8")], false),
            (&[], true),
        ] {
            assert_eq!(detected(variables, true).0, unicode, "{variables:?}");
        }
    }

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        for (variables, terminal, colour) in [
            (&[][..], true, true),
            (&[], false, false),
            (&[("NO_COLOR", "1")], true, false),
            (&[("NO_COLOR", "")], true, true),
            (&[("TERM", "dumb")], true, false),
            (&[("TERM", "xterm-256color")], true, true),
        ] {
            assert_eq!(detected(variables, terminal).1, colour, "{variables:?} {terminal}");
        }
    }
}
