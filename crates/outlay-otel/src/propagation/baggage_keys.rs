//! The members of a baggage, as a receiver reads them.

use std::borrow::Cow;

use hashbrown::HashSet;
use percent_encoding::percent_decode_str;

/// The maximum number of times that a key is decoded. A key that is encoded more often passes too few receivers to be
/// read as Outlay's.
const MAX_DECODED: usize = 8;

/// Returns whether a receiver may read a member as Outlay's, however often its key is decoded on the way.
pub(super) fn is_outlay_member(member: &str) -> bool {
    key(member).starts_with("outlay.")
}

/// Removes members with the key of an earlier one. The nearest sender has written its members in front.
pub(super) fn without_duplicates(baggage: &str) -> String {
    let mut seen = HashSet::new();
    let members = baggage.split(',').filter(|member| seen.insert(key(member).into_owned()));
    members.collect::<Vec<_>>().join(",")
}

fn key(member: &str) -> Cow<'_, str> {
    let text = member.split(['=', ';']).next().unwrap_or_default();
    let mut key = Cow::Borrowed(text.trim());
    for _ in 0..MAX_DECODED {
        let decoded = percent_decode_str(&key).decode_utf8_lossy();
        if decoded == key {
            break;
        }
        key = Cow::Owned(decoded.trim().to_owned());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_outlay_is_recognized_in_any_encoding() {
        for member in [
            "outlay.team=x",
            " outlay.team = x",
            "outlay%2eteam=x",
            "outlay%252Eteam=x",
            "%6futlay.team",
            "%20outlay.team;m",
        ] {
            assert!(is_outlay_member(member), "{member}");
        }
        for member in ["", "team=outlay.x", "xoutlay.team=1", "outlay=1", "%", "%2"] {
            assert!(!is_outlay_member(member), "{member}");
        }
    }

    #[test]
    fn the_first_member_with_a_key_wins() {
        assert_eq!(without_duplicates("outlay.team=a,b=1,outlay%2eteam=c,b=2,d"), "outlay.team=a,b=1,d");
    }
}
