//! Glob patterns.

/// Returns whether a text matches a pattern, in which `*` stands for any text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, mut pattern)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(start) else { return false };
    // The first match of each piece leaves the most text for the pieces that follow.
    while let Some((piece, after)) = pattern.split_once('*') {
        let Some(at) = rest.find(piece) else { return false };
        (rest, pattern) = (&rest[at + piece.len()..], after);
    }
    rest.ends_with(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let role = "arn:aws:iam::123456789012:role/prod-tickets";
        for pattern in
            ["*", role, "arn:aws:iam::*:role/prod-*", "*tickets", "arn:*prod*", "**", "arn:aws:iam::123456789012:*"]
        {
            assert!(matches(pattern, role), "{pattern}");
        }
        for pattern in ["", "prod", "*prod", "arn:aws:iam::*:user/*", "arn*ticket", "*x*", "Arn:*"] {
            assert!(!matches(pattern, role), "{pattern}");
        }
        assert!(matches("a*a", "aa") && !matches("a*a", "a"), "both letters are needed");
        assert!(matches("", "") && matches("*", ""));
    }
}
