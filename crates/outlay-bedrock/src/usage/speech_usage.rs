//! Reads the usage events of a speech session: `{"event":{"usageEvent":{"details":{"delta":{...},"total":{...}}}}}`.

use memchr::memmem;
use outlay_price::Usage;
use serde::Deserialize;
use serde::de::MapAccess;

use super::by_member::{self, ByMember};
use super::doubts::Doubts;
use super::lenient::{self, Count, Object};
use super::positive_number::{FoundNumber, Positive};

/// What a session has used so far.
///
/// Each event has the usage since the last one and the total so far. Only the totals are used, so a repeated or lost
/// event changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpeechUsage {
    input: Tokens,
    output: Tokens,
    /// Whether every count is there.
    pub(crate) is_whole: bool,
    pub(crate) doubts: Doubts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tokens {
    speech: u64,
    text: u64,
}

/// The minimum number of bytes of base64 audio in a token of speech. A second of 16 kHz audio has 42,667 bytes, and
/// comes to some tens of tokens.
const AUDIO_BYTES_PER_TOKEN: u64 = 400;

/// The bytes that have passed in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) sent: EventBytes,
    pub(crate) received: EventBytes,
}

/// The bytes of base64 audio, and bytes of all other events as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventBytes {
    pub(crate) audio: u64,
    pub(crate) text: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    event: Object<Event>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    usage_event: Object<UsageEvent>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct UsageEvent {
    details: Object<Details>,
    total_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    total: Object<Directions>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Directions {
    input: Object<RawTokens>,
    output: Object<RawTokens>,
}

/// `{"speechTokens": 10, "textTokens": 5}`
#[derive(Default)]
struct RawTokens {
    speech: Option<u64>,
    text: Option<u64>,
    doubts: Doubts,
}

impl ByMember for RawTokens {
    type Name = String;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "speechTokens" => self.speech = map.next_value::<Count>()?.0,
            "textTokens" => self.text = map.next_value::<Count>()?.0,
            _ => {
                if let Positive(Some(found)) = map.next_value()? {
                    self.doubts.add_unlisted(&name, &found);
                }
            }
        }
        Ok(())
    }

    fn number_instead(&mut self, found: &FoundNumber) {
        self.doubts.add_unlisted("details", found);
    }
}

by_member::deserialize!(RawTokens);

/// Reads a chunk. `None` if it has no total of any kind.
pub(crate) fn read_speech(json: &[u8]) -> Option<SpeechUsage> {
    let chunk: Chunk = lenient::read(json);
    let event = chunk.event.0?.usage_event.0?;
    let total = event.details.0?.total.0?;
    let (input, output) = (total.input.0.unwrap_or_default(), total.output.0.unwrap_or_default());
    let counts = [input.speech, input.text, output.speech, output.text];
    if counts.iter().all(Option::is_none) {
        return None;
    }
    let tokens = |raw: &RawTokens| Tokens { speech: raw.speech.unwrap_or(0), text: raw.text.unwrap_or(0) };
    let (input_tokens, output_tokens) = (tokens(&input), tokens(&output));
    let mut doubts = input.doubts;
    doubts.extend(&output.doubts);
    let parts = counts.into_iter().flatten().fold(0, u64::saturating_add);
    if let Some(total) = event.total_tokens.0.filter(|total| *total > 0 && *total != parts) {
        doubts.add(|| format!("total: usage says {total}, its parts add up to {parts}"));
    }
    let is_whole = counts.iter().all(Option::is_some);
    Some(SpeechUsage { input: input_tokens, output: output_tokens, is_whole, doubts })
}

impl SpeechUsage {
    /// Returns the greater totals. Totals only grow, so an event out of order changes nothing.
    pub(crate) fn latest(self, other: Self) -> Self {
        Self { input: self.input.latest(other.input), output: self.output.latest(other.output), ..other }
    }

    /// Adds the bound of the traffic since: no text has more tokens than bytes.
    pub(crate) fn with_bound(self, since: &Traffic) -> Self {
        Self { input: self.input.with_bound(since.sent), output: self.output.with_bound(since.received), ..self }
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage::new()
            .with_uncached_input(self.input.text)
            .with_input_audio(self.input.speech)
            .with_output(self.output.text)
            .with_output_audio(self.output.speech)
    }
}

impl Tokens {
    fn latest(self, other: Self) -> Self {
        Self { speech: self.speech.max(other.speech), text: self.text.max(other.text) }
    }

    fn with_bound(self, bytes: EventBytes) -> Self {
        Self {
            speech: self.speech.saturating_add(bytes.audio.div_ceil(AUDIO_BYTES_PER_TOKEN)),
            text: self.text.saturating_add(bytes.text),
        }
    }
}

impl EventBytes {
    /// Counts the JSON of one event.
    pub(crate) fn of_event(json: &[u8]) -> Self {
        let len = json.len() as u64;
        let is_audio =
            [&b"\"audioInput\""[..], b"\"audioOutput\""].iter().any(|name| memmem::find(json, name).is_some());
        if is_audio { Self { audio: len, text: 0 } } else { Self { audio: 0, text: len } }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { audio: self.audio.saturating_add(other.audio), text: self.text.saturating_add(other.text) }
    }

    /// Returns the bytes after `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { audio: self.audio.saturating_sub(earlier.audio), text: self.text.saturating_sub(earlier.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(input: (u64, u64), output: (u64, u64)) -> String {
        format!(
            r#"{{"event":{{"usageEvent":{{"completionId":"c","details":{{"delta":{{"input":{{"speechTokens":1,"textTokens":1}},
            "output":{{"speechTokens":1,"textTokens":1}}}},"total":{{"input":{{"speechTokens":{},"textTokens":{}}},
            "output":{{"speechTokens":{},"textTokens":{}}}}}}}}}}}}}"#,
            input.0, input.1, output.0, output.1
        )
    }

    #[test]
    fn totals_do_not_depend_on_the_order_of_events() {
        let read = |json: &str| read_speech(json.as_bytes()).expect(json);
        let first = read(&event((10, 5), (0, 0)));
        let second = read(&event((30, 5), (40, 7)));
        let usage = first.clone().latest(second.clone()).latest(second).latest(first).usage();
        assert_eq!((usage.input_audio_tokens(), usage.uncached_input_tokens()), (30, 5));
        assert_eq!((usage.output_audio_tokens(), usage.text_output_tokens()), (40, 7));
    }

    #[test]
    fn traffic_since_the_last_event_is_bounded() {
        let traffic =
            Traffic { sent: EventBytes { audio: 401, text: 9 }, received: EventBytes { audio: 400, text: 0 } };
        let usage = SpeechUsage::default().with_bound(&traffic).usage();
        assert_eq!((usage.input_audio_tokens(), usage.uncached_input_tokens()), (2, 9));
        assert_eq!((usage.output_audio_tokens(), usage.text_output_tokens()), (1, 0));
    }

    #[test]
    fn a_partial_total_is_kept_and_an_unknown_count_is_in_doubt() {
        let read = |total: &str| {
            let json = format!(r#"{{"event":{{"usageEvent":{{"totalTokens":42,"details":{{"total":{total}}}}}}}}}"#);
            read_speech(json.as_bytes()).expect(total)
        };
        let whole = read(r#"{"input":{"speechTokens":10,"textTokens":5},"output":{"speechTokens":20,"textTokens":7}}"#);
        assert!(whole.is_whole && whole.doubts.is_empty());
        let part = read(r#"{"input":{"textTokens":42}}"#);
        assert_eq!((part.usage().uncached_input_tokens(), part.is_whole), (42, false));
        let image = read(
            r#"{"input":{"speechTokens":10,"textTokens":5,"imageTokens":9},"output":{"speechTokens":20,"textTokens":7}}"#,
        );
        assert!(!image.doubts.is_empty());
        let other = read(r#"{"input":{"speechTokens":1,"textTokens":5},"output":{"speechTokens":20,"textTokens":7}}"#);
        assert!(!other.doubts.is_empty(), "33 are no 42");
    }

    #[test]
    fn other_events_have_no_usage() {
        for json in [r#"{"event":{"audioOutput":{"content":"aGk="}}}"#, "odd", r#"{"event":{"usageEvent":{}}}"#] {
            assert_eq!(read_speech(json.as_bytes()), None);
        }
        assert_eq!(EventBytes::of_event(br#"{"event":{"audioInput":{"content":"aGk="}}}"#).text, 0);
        assert_eq!(EventBytes::of_event(br#"{"event":{"textInput":{}}}"#).audio, 0);
    }
}
