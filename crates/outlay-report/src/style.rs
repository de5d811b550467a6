use std::env;
use std::io::{self, IsTerminal};

/// The way a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to print box-drawing characters and names in any script. If not, the report is ASCII only, with `?` for
    /// every other character.
    pub unicode: bool,
    /// Whether to print failures and exceeded budgets in red.
    pub colour: bool,
    /// The maximum number of columns of a line; at least 60.
    pub width: usize,
    /// The maximum number of lines; a larger tree is folded. The header, the five most expensive rows and the summary
    /// are always printed, even if they exceed it.
    pub max_lines: usize,
}

impl Style {
    /// Returns ASCII without colour, 100 columns and 30 lines.
    pub const fn plain() -> Self {
        Self { unicode: false, colour: false, width: 100, max_lines: 30 }
    }

    /// Returns the style that fits the environment, at 100 columns and 30 lines.
    ///
    /// - Unicode, unless `TERM` is `dumb` or the locale is not UTF-8. The locale is the first of `LC_ALL`, `LC_CTYPE`
    ///   and `LANG` that is set.
    /// - Colour if standard output is a terminal, `NO_COLOR` is not set and `TERM` is not `dumb`.
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
    /// Returns the style that fits the environment.
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
    fn ascii_for_a_dumb_terminal_or_a_locale_without_utf8() {
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
    fn colour_only_on_a_terminal_without_no_color() {
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
