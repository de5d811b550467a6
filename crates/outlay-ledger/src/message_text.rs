use std::borrow::Cow;

/// The maximum number of characters of a text in a message.
const MAX: usize = 256;

/// Returns a text from outside so that it is safe in a message: without control characters, and cut if it is long.
#[doc(hidden)]
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX && !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut rest = text.chars().filter(|c| !c.is_control());
    let mut shown: String = rest.by_ref().take(MAX).collect();
    if rest.next().is_some() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_hostile_text_loses_control_characters_and_is_cut() {
        assert_eq!(shown("us.amazon.nova-lite-v1:0"), "us.amazon.nova-lite-v1:0");
        assert_eq!(shown("a\n2026 WARN all is well\u{1b}[2J"), "a2026 WARN all is well[2J");
        assert_eq!(shown(&"ä".repeat(1_000)).chars().count(), 257);
    }
}
