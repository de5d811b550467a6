//! The members of a baggage, as a receiver will read them.

use std::borrow::Cow;

use hashbrown::HashSet;
use percent_encoding::percent_decode_str;

/// A key is decoded at most so often. One that is encoded more often is not read as ours by anybody on a road as short.
const MAX_DECODED: usize = 8;

/// What the receiver reads as Outlay's: however often somebody on the road may decode its key.
pub(super) fn is_ours(member: &str) -> bool {
    key(member).starts_with("outlay.")
}

/// Without what comes a second time: who is nearer has written in front.
pub(super) fn first_of_each(baggage: &str) -> String {
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
    fn a_key_is_ours_however_it_is_written() {
        for member in [
            "outlay.team=x",
            " outlay.team = x",
            "outlay%2eteam=x",
            "outlay%252Eteam=x",
            "%6futlay.team",
            "%20outlay.team;m",
        ] {
            assert!(is_ours(member), "{member}");
        }
        for member in ["", "team=outlay.x", "xoutlay.team=1", "outlay=1", "%", "%2"] {
            assert!(!is_ours(member), "{member}");
        }
    }

    #[test]
    fn the_first_of_several_holds() {
        assert_eq!(first_of_each("outlay.team=a,b=1,outlay%2eteam=c,b=2,d"), "outlay.team=a,b=1,d");
    }
}
