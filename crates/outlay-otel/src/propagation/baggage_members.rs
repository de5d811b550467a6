//! The members of a baggage, as a receiver reads them.

use std::borrow::Cow;

use hashbrown::HashMap;
use percent_encoding::percent_decode_str;

/// The maximum number of times that a key is decoded. A key that is encoded more often passes too few receivers to be
/// read as Outlay's.
const MAX_DECODED: usize = 8;
/// The maximum number of members of a W3C baggage.
pub(super) const MAX_MEMBERS: usize = 64;

/// Returns whether a receiver may read a member as Outlay's, however often its key is decoded on the way.
pub(super) fn is_outlay_member(member: &str) -> bool {
    key(member).starts_with("outlay.")
}

/// Returns the keys and values of the members. Of several members with one key, only the first is returned: the nearest
/// sender has written its members in front. Members without a value, and those beyond [`MAX_MEMBERS`], are left out.
pub(super) fn read(baggage: &str) -> HashMap<String, String> {
    let mut members = HashMap::new();
    for member in baggage.split(',') {
        if let Some((_, value)) = member.split(';').next().and_then(|member| member.split_once('=')) {
            let value = || percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
            members.entry(key(member).into_owned()).or_insert_with(value);
            if members.len() == MAX_MEMBERS {
                break;
            }
        }
    }
    members
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
        let members = read("outlay.team=a,b=1;metadata, c = %20x%3D,outlay%2eteam=c,b=2,d,,=e");
        let expected = [("outlay.team", "a"), ("b", "1"), ("c", " x="), ("", "e")];
        assert_eq!(members, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    }
}
