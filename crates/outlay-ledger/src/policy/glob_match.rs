//! Patterns of names.

/// Whether a text fits a pattern, in which each `*` stands for whatever is in its place.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, mut pattern)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(start) else { return false };
    // The first place for each piece leaves the most room for those that follow.
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
    fn a_star_stands_for_whatever_is_in_its_place() {
        let role = "arn:aws:iam::123456789012:role/prod-tickets";
        for pattern in
            ["*", role, "arn:aws:iam::*:role/prod-*", "*tickets", "arn:*prod*", "**", "arn:aws:iam::123456789012:*"]
        {
            assert!(fits(pattern, role), "{pattern}");
        }
        for pattern in ["", "prod", "*prod", "arn:aws:iam::*:user/*", "arn*ticket", "*x*", "Arn:*"] {
            assert!(!fits(pattern, role), "{pattern}");
        }
        assert!(fits("a*a", "aa") && !fits("a*a", "a"), "one letter is not two");
        assert!(fits("", "") && fits("*", ""));
    }
}
