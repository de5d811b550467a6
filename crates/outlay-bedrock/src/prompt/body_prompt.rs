//! The size of a JSON body of any family: its text in bytes, and its attachments by their kind.
//!
//! Base64 is an attachment if its data URL, the members around it or its first bytes name a kind. Otherwise the model
//! reads it as text, such as a signature, encrypted reasoning or a digest. A reference to an attachment counts as an
//! attachment of unknown size.

use std::fmt;
use std::ops::Range;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::prompt_size::{Medium, REMOTE, Size};

/// The minimum length of base64 that counts as an attachment without a member that names its kind.
const MIN_UNNAMED: usize = 1_024;
/// Nearly every text has a space in its first bytes.
const FIRST_BYTES: usize = 64;

/// Returns the size of a request's body.
pub(crate) fn of_body(body: &[u8]) -> Size {
    let mut walk = Walk::default();
    let whole = {
        let mut json = serde_json::Deserializer::from_slice(body);
        let root = ValueSeed { walk: &mut walk, name: "", is_inner: false };
        root.deserialize(&mut json).and_then(|left| json.end().map(|()| left))
    };
    match whole {
        Ok(left) => walk.attach_remaining(left),
        // Only the bytes are known.
        Err(_) => {
            walk = Walk::default();
            base64_runs(body).for_each(|run| walk.attach_base64(run.len(), Medium::Document));
        }
    }
    Size::text((body.len() as u64).saturating_sub(walk.base64_bytes)).and(walk.attached).in_request()
}

/// What has been found in a body so far.
#[derive(Default)]
struct Walk {
    /// Bytes of base64 that are not text.
    base64_bytes: u64,
    attached: Size,
}

/// Values that may be attachments. The members around them have not named a kind yet.
type Candidates = Vec<Candidate>;

struct Candidate {
    data: Data,
    medium: Option<Medium>,
}

enum Data {
    Base64 {
        /// Length in the body.
        length: usize,
        /// The kind that the first bytes indicate.
        begins_as: Option<Medium>,
    },
    Reference {
        /// Whether it is in S3, where only attachments are.
        in_s3: bool,
    },
}

impl Walk {
    fn attach_base64(&mut self, length: usize, medium: Medium) {
        self.base64_bytes += length as u64;
        let bytes = (length as u64).saturating_mul(3) / 4;
        self.attached = self.attached.and(Size::attached(medium, bytes));
    }

    fn attach(&mut self, data: &Data, medium: Medium) {
        match (data, medium) {
            (Data::Base64 { length, .. }, medium) => self.attach_base64(*length, medium),
            (Data::Reference { .. }, Medium::Image) => self.attached = self.attached.and(Size::attached(medium, 0)),
            (Data::Reference { .. }, _) => self.attached = self.attached.and(REMOTE),
        }
    }

    /// Attaches the candidates that no member describes.
    fn attach_remaining(&mut self, candidates: Candidates) {
        for candidate in candidates {
            let likely = match candidate.data {
                Data::Base64 { begins_as, .. } => begins_as,
                Data::Reference { in_s3 } => in_s3.then_some(Medium::Document),
            };
            if let Some(medium) = candidate.medium.or(likely) {
                self.attach(&candidate.data, medium);
            }
        }
    }
}

/// Returns the possible attachment in a text member of this name.
fn candidate(name: &str, text: &str) -> Option<Candidate> {
    match name {
        // The model reads these as text, whatever they contain.
        "text" | "content" | "prompt" | "inputText" | "query" | "system" | "instructions" | "output" | "message"
        | "preamble" | "snippet" | "description" => return None,
        _ if is_text_to_the_model(name) => return None,
        _ => {}
    }
    if let Some((kind, data)) = text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        return is_base64(data).then(|| Candidate { data: base64(data), medium: medium_of_type(kind) });
    }
    let reference =
        || Candidate { data: Data::Reference { in_s3: text.starts_with("s3://") }, medium: medium_of_name(name) };
    if text.starts_with("https://") || text.starts_with("http://") || text.starts_with("s3://") {
        return Some(reference());
    }
    match name {
        "data" | "bytes" | "base64" | "base64String" | "b64_json" | "file_data" | "image_data" => {
            is_base64(text).then(|| Candidate { data: base64(text), medium: None })
        }
        "image" | "images" | "inputImage" | "maskImage" | "video" | "audio" => {
            is_base64(text).then(|| Candidate { data: base64(text), medium: medium_of_name(name) })
        }
        "url" | "uri" | "file_id" | "fileId" => (!text.is_empty()).then(reference),
        _ => (text.len() >= MIN_UNNAMED && memchr(b' ', &text.as_bytes()[..FIRST_BYTES]).is_none() && is_base64(text))
            .then(|| Candidate { data: base64(text), medium: None }),
    }
}

/// Returns whether everything under a name is read as text: the arguments of a tool, and its schema.
fn is_text_to_the_model(name: &str) -> bool {
    matches!(name, "input" | "arguments" | "parameters" | "json" | "input_schema" | "inputSchema" | "schema")
}

fn base64(text: &str) -> Data {
    Data::Base64 { length: text.len(), begins_as: medium_of_bytes(text) }
}

fn is_base64(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| is_base64_digit(byte) || matches!(byte, b'\r' | b'\n'))
}

const fn is_base64_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// Returns the kind for a media type such as `image/png`.
fn medium_of_type(kind: &str) -> Option<Medium> {
    match kind.split_once('/')?.0 {
        "image" => Some(Medium::Image),
        "video" => Some(Medium::Video),
        "audio" => Some(Medium::Audio),
        "application" | "text" => Some(Medium::Document),
        _ => None,
    }
}

/// Returns the kind for the name of a member, or for the `type` of the object around it.
fn medium_of_name(name: &str) -> Option<Medium> {
    match name {
        "image" | "images" | "image_url" | "input_image" | "inputImage" | "maskImage" => Some(Medium::Image),
        "document" | "file" | "input_file" | "file_data" | "file_url" | "document_url" => Some(Medium::Document),
        "video" | "input_video" | "video_url" => Some(Medium::Video),
        "audio" | "input_audio" | "audio_url" => Some(Medium::Audio),
        _ => None,
    }
}

/// Returns the kind for a `format` of Converse and Nova.
fn medium_of_format(format: &str) -> Option<Medium> {
    match format {
        "png" | "jpeg" | "jpg" | "gif" | "webp" => Some(Medium::Image),
        "pdf" | "csv" | "doc" | "docx" | "xls" | "xlsx" | "html" | "txt" | "md" => Some(Medium::Document),
        "mp4" | "mov" | "mkv" | "webm" | "flv" | "mpeg" | "mpg" | "wmv" | "three_gp" => Some(Medium::Video),
        "mp3" | "wav" | "flac" | "ogg" | "opus" | "aac" | "m4a" => Some(Medium::Audio),
        _ => None,
    }
}

/// Returns the kind for the first bytes, encoded in base64.
fn medium_of_bytes(base64: &str) -> Option<Medium> {
    let begins = |marks: &[&str]| marks.iter().any(|mark| base64.starts_with(mark));
    // RIFF contains WEBP and WAVE. The last three letters of these are the base64 digits 12 to 15.
    let riff = base64.strip_prefix("UklGR").and_then(|rest| rest.get(7..11));
    if begins(&["iVBOR", "/9j/", "R0lGOD"]) || riff == Some("RUJQ") {
        Some(Medium::Image)
    } else if begins(&["JVBERi", "UEsDB"]) {
        Some(Medium::Document)
    } else if begins(&["SUQz", "T2dnUw", "ZkxhQ"]) || riff == Some("QVZF") {
        Some(Medium::Audio)
    } else if begins(&["GkXfo"]) || (begins(&["AAAA"]) && base64.get(5..8) == Some("GZ0")) {
        Some(Medium::Video)
    } else {
        None
    }
}

/// Returns the runs of base64 that are too long to be words.
fn base64_runs(body: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + body.get(from..)?.iter().position(|byte| is_base64_digit(*byte))?;
            let length = body[start..].iter().position(|byte| !is_base64_digit(*byte)).unwrap_or(body.len() - start);
            from = start + length;
            if length >= MIN_UNNAMED {
                return Some(start..from);
            }
        }
    })
}

/// Reads the value under a name. Counts an attachment as soon as its kind is known.
struct ValueSeed<'a> {
    walk: &'a mut Walk,
    name: &'a str,
    /// Whether the value is nested below the members of the body.
    is_inner: bool,
}

impl ValueSeed<'_> {
    /// Returns whether the value names a conversation that the vendor stores, which becomes part of the prompt.
    fn is_stored_conversation(&self) -> bool {
        !self.is_inner && matches!(self.name, "previous_response_id" | "conversation")
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Candidates;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Candidates, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Candidates;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Candidates, E> {
        Ok(Vec::new())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Candidates, E> {
        Ok(Vec::new())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Candidates, E> {
        Ok(Vec::new())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Candidates, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Candidates, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Candidates, E> {
        if self.is_stored_conversation() && !text.is_empty() {
            self.walk.attached = self.walk.attached.and(REMOTE);
        }
        Ok(candidate(self.name, text).into_iter().collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Candidates, A::Error> {
        let mut all = Vec::new();
        let Self { walk, name, is_inner } = self;
        while let Some(candidates) = seq.next_element_seed(ValueSeed { walk, name, is_inner })? {
            all.extend(known_by(name, candidates));
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Candidates, A::Error> {
        // The `input` of a body is the conversation. A nested one belongs to a tool.
        if self.is_inner && is_text_to_the_model(self.name) {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Vec::new());
        }
        if self.is_stored_conversation() {
            self.walk.attached = self.walk.attached.and(REMOTE);
        }
        let (mut all, mut hint) = (Candidates::new(), None);
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "type" | "media_type" | "mediaType" | "format" => {
                    hint = map.next_value::<Hint>()?.0.or(hint);
                }
                _ => {
                    let is_inner = self.is_inner || !self.name.is_empty();
                    let candidates = map.next_value_seed(ValueSeed { walk: self.walk, name: &name, is_inner })?;
                    all.extend(known_by(&name, candidates));
                }
            }
        }
        let (known, unknown): (Candidates, Candidates) =
            all.into_iter().partition(|candidate| candidate.medium.or(hint).is_some());
        for candidate in known {
            if let Some(medium) = candidate.medium.or(hint) {
                self.walk.attach(&candidate.data, medium);
            }
        }
        Ok(unknown)
    }
}

/// Gives candidates without a kind the kind of the name that they are under.
fn known_by(name: &str, candidates: Candidates) -> impl Iterator<Item = Candidate> {
    let medium = medium_of_name(name);
    candidates.into_iter().map(move |candidate| Candidate { medium: candidate.medium.or(medium), ..candidate })
}

/// The kind that a `type`, `media_type` or `format` gives to the members beside it.
struct Hint(Option<Medium>);

impl<'de> serde::Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HintVisitor;
        impl<'de> Visitor<'de> for HintVisitor {
            type Value = Hint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind")
            }

            fn visit_str<E: Error>(self, kind: &str) -> Result<Hint, E> {
                Ok(Hint(medium_of_type(kind).or_else(|| medium_of_name(kind)).or_else(|| medium_of_format(kind))))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Hint, E> {
                Ok(Hint(None))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Hint, E> {
                Ok(Hint(None))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Hint, E> {
                Ok(Hint(None))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Hint, E> {
                Ok(Hint(None))
            }

            fn visit_unit<E: Error>(self) -> Result<Hint, E> {
                Ok(Hint(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Hint, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Hint(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hint, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Hint(None))
            }
        }
        deserializer.deserialize_any(HintVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::super::prompt_size::OVERHEAD;
    use super::*;

    const IMAGE: u64 = 6_000;

    fn most(body: &str) -> u64 {
        of_body(body.as_bytes()).most_tokens() - OVERHEAD
    }

    #[test]
    fn text_is_bounded_by_its_bytes() {
        let body = r#"{"max_tokens":9,"messages":[{"role":"user","content":"hello there"}]}"#;
        assert_eq!(most(body), body.len() as u64);
        assert_eq!(most("no JSON at all"), 14);
        assert_eq!(most(""), 0);
    }

    #[test]
    fn an_image_counts_the_same_in_every_family_and_size() {
        let data = "A".repeat(2_000_000);
        for body in [
            format!(
                r#"{{"messages":[{{"content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}]}}"#
            ),
            format!(
                r#"{{"messages":[{{"content":[{{"source":{{"data":"{data}","type":"base64"}},"type":"image"}}]}}]}}"#
            ),
            format!(r#"{{"messages":[{{"content":[{{"image":{{"format":"png","source":{{"bytes":"{data}"}}}}}}]}}]}}"#),
            format!(
                r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
            ),
            format!(r#"{{"images":["{data}"],"prompt":"what is it?"}}"#),
            format!(r#"{{"inputImage":"{data}"}}"#),
            format!(r#"{{"unheard_of":"iVBOR{}"}}"#, &data[5..]),
        ] {
            let text = body.len() as u64 - 2_000_000;
            assert_eq!(most(&body), text + IMAGE, "{}", &body[..120]);
        }
    }

    #[test]
    fn a_document_counts_by_its_bytes_up_to_a_maximum() {
        let document = |length: usize| {
            let data = "A".repeat(length);
            let body = format!(r#"{{"type":"document","source":{{"media_type":"application/pdf","data":"{data}"}}}}"#);
            most(&body) - (body.len() - length) as u64
        };
        assert_eq!(document(40_000), 20_000 + 2 * 30_000);
        assert_eq!(document(4_000_000), 1_000_000);
    }

    #[test]
    fn base64_that_a_model_reads_as_text_is_text() {
        let text = "A".repeat(5_000);
        for name in ["text", "content", "prompt", "inputText", "message", "preamble", "snippet", "description"] {
            let body = format!(r#"{{"{name}":"{text}"}}"#);
            assert_eq!(most(&body), body.len() as u64, "{name}");
        }
        // If a body cannot be parsed, long base64 counts as an attachment.
        let broken = format!(r#"{{"data":"{}"#, "A".repeat(400_000));
        assert!(most(&broken) > 400_000, "300,000 bytes of a document at the most");
        let broken = format!(r#"{{"data":"{}"#, "A".repeat(4_000_000));
        assert!(most(&broken) < 1_001_000);
    }

    #[test]
    fn base64_of_no_known_kind_is_text() {
        let digits = "Ab3".repeat(1_000);
        for body in [
            format!(r#"{{"messages":[{{"content":[{{"type":"thinking","thinking":"t","signature":"{digits}"}}]}}]}}"#),
            format!(r#"{{"messages":[{{"content":[{{"type":"redacted_thinking","data":"{digits}"}}]}}]}}"#),
            format!(r#"{{"input":[{{"type":"reasoning","encrypted_content":"{digits}"}}]}}"#),
            format!(r#"{{"messages":[{{"content":[{{"type":"tool_use","input":{{"image":"{digits}"}}}}]}}]}}"#),
            format!(r#"{{"messages":[{{"content":[{{"toolResult":{{"content":[{{"json":{{"data":"iVBOR{digits}"}}}}]}}}}]}}]}}"#),
            r#"{"messages":[{"content":[{"type":"tool_use","input":{"file":{"type":"file","url":"https://a.example"}}}]}]}"#.to_owned(),
            format!(r#"{{"messages":[{{"content":"data:image/png;base64,{digits}"}}]}}"#),
            format!(r#"{{"unheard_of":"data:image/png;base64,AAAA {}"}}"#, "and words ".repeat(500)),
            format!(r#"{{"input":[{{"type":"function_call_output","output":"iVBOR{digits}"}}]}}"#),
            r#"{"messages":[{"content":[{"type":"text","text":"t","citations":[{"url":"https://a.example"}]}]}]}"#.to_owned(),
        ] {
            assert_eq!(most(&body), body.len() as u64, "{}", &body[..80]);
        }
    }

    #[test]
    fn an_attachment_counts_at_any_length_and_place() {
        const REMOTE: u64 = 300_000;
        for (body, expected) in [
            (
                r#"{"messages":[{"content":[{"type":"image","source":{"media_type":"image/png","data":"iVBORw0K"}}]}]}"#,
                IMAGE - 8,
            ),
            (
                r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a.example/i"}]}]}"#,
                IMAGE,
            ),
            (
                r#"{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://a.example/i"}}]}]}"#,
                IMAGE,
            ),
            (r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://a.example/i"}}]}]}"#, IMAGE),
            (r#"{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"f1"}}]}]}"#, REMOTE),
            (
                r#"{"messages":[{"content":[{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v"}}}}]}]}"#,
                REMOTE,
            ),
            (r#"{"inputPrompt":"q","mediaSource":{"s3Location":{"uri":"s3://b/v"}}}"#, REMOTE),
            (r#"{"input":[{"content":[{"type":"input_file","file_url":"https://a.example/f"}]}]}"#, REMOTE),
            (r#"{"messages":[{"content":[{"type":"audio_url","audio_url":{"url":"https://a.example/a"}}]}]}"#, REMOTE),
            (r#"{"messages":[{"content":[{"type":"document_url","document_url":"https://a.example/d"}]}]}"#, REMOTE),
            (r#"{"messages":[{"content":[{"type":"image","image":"https://a.example/i"}]}]}"#, IMAGE),
            (r#"{"input":"go on","previous_response_id":"resp_1"}"#, REMOTE),
            (r#"{"input":"go on","conversation":{"id":"conv_1"}}"#, REMOTE),
            (r#"{"input":"go on","previous_response_id":null,"metadata":{"conversation":"c"}}"#, 0),
        ] {
            assert_eq!(most(body), body.len() as u64 + expected, "{body}");
        }
    }

    #[test]
    fn the_members_around_base64_precede_its_first_bytes() {
        let audio = |format: &str, begin: &str| {
            let data = format!("{begin}{}", "A".repeat(80_000 - begin.len()));
            let body = format!(
                r#"{{"messages":[{{"content":[{{"type":"input_audio","input_audio":{{"data":"{data}","format":"{format}"}}}}]}}]}}"#
            );
            most(&body) - (body.len() - 80_000) as u64
        };
        assert_eq!(audio("wav", "UklGRgAAAABXQVZF"), audio("mp3", "SUQz"));
        for (begin, most_of_it) in [("UklGRgAAAABXRUJQ", IMAGE), ("UklGRgAAAABXQVZF", 20_000 + 60_000 / 32)] {
            let body = format!(r#"{{"unheard_of":"{begin}{}"}}"#, "A".repeat(80_000 - 16));
            assert_eq!(most(&body) - (body.len() - 80_000) as u64, most_of_it, "{begin}");
        }
    }

    #[test]
    fn deep_or_hostile_json_is_counted_by_its_bytes() {
        let deep = "[".repeat(100_000);
        assert_eq!(most(&deep), 100_000);
    }
}
