//! A body that is JSON, whatever family it is written for: its text by the byte, and what it holds in base64 by what that
//! is.

use std::fmt;
use std::ops::Range;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Medium, Size};

/// Shorter base64 is counted as the text that it may be.
const MIN_PAYLOAD: usize = 64;
/// In a member that may hold text, only so much base64 is taken for something else.
const MIN_UNNAMED: usize = 1_024;

/// The size of a request's body.
pub(crate) fn of_body(body: &[u8]) -> Size {
    let mut walk = Walk::default();
    let whole = {
        let mut json = serde_json::Deserializer::from_slice(body);
        ValueSeed { walk: &mut walk, name: "" }.deserialize(&mut json).and_then(|left| json.end().map(|()| left))
    };
    match whole {
        Ok(left) => walk.settle(left, None),
        // Nothing is known of it but its bytes.
        Err(_) => {
            walk = Walk::default();
            base64_runs(body).for_each(|run| walk.take_out(run.len(), None));
        }
    }
    Size::text((body.len() as u64).saturating_sub(walk.taken_out)).and(walk.attached).in_request()
}

/// What was found so far.
#[derive(Default)]
struct Walk {
    /// Bytes of base64 that are no text.
    taken_out: u64,
    attached: Size,
}

/// Base64 of which the members around it have yet to say what it is.
type Payloads = Vec<Payload>;

struct Payload {
    /// Bytes in the body.
    length: usize,
    medium: Option<Medium>,
}

impl Walk {
    fn take_out(&mut self, length: usize, medium: Option<Medium>) {
        self.taken_out += length as u64;
        let bytes = (length as u64).saturating_mul(3) / 4;
        self.attached = self.attached.and(Size::attached(medium.unwrap_or(Medium::Document), bytes));
    }

    /// Counts what is as well known as it will be.
    fn settle(&mut self, payloads: Payloads, medium: Option<Medium>) {
        for payload in payloads {
            self.take_out(payload.length, payload.medium.or(medium));
        }
    }
}

/// What a text in a member of this name is.
fn payload(name: &str, text: &str) -> Option<Payload> {
    if let Some((kind, data)) = text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        return Some(Payload { length: data.len(), medium: medium_of_type(kind).or_else(|| medium_of_bytes(data)) });
    }
    let least = match name {
        "data" | "bytes" | "base64" | "base64String" | "b64_json" | "image" | "images" | "inputImage" | "maskImage"
        | "video" | "audio" | "document" | "file" | "file_data" | "image_data" => MIN_PAYLOAD,
        // Whatever it is, the model reads it as text.
        "text" | "content" | "prompt" | "inputText" | "input" | "query" | "system" | "instructions" | "arguments" => {
            return None;
        }
        _ => MIN_UNNAMED,
    };
    (text.len() >= least && is_base64(text.as_bytes()))
        .then(|| Payload { length: text.len(), medium: medium_of_name(name).or_else(|| medium_of_bytes(text)) })
}

fn is_base64(text: &[u8]) -> bool {
    text.iter().all(|byte| is_base64_digit(*byte) || matches!(byte, b'\r' | b'\n'))
}

const fn is_base64_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// By a media type: `image/png`.
fn medium_of_type(kind: &str) -> Option<Medium> {
    match kind.split_once('/')?.0 {
        "image" => Some(Medium::Image),
        "video" => Some(Medium::Video),
        "audio" => Some(Medium::Audio),
        "application" | "text" => Some(Medium::Document),
        _ => None,
    }
}

/// By the name of a member, or the `type` of what holds it.
fn medium_of_name(name: &str) -> Option<Medium> {
    match name {
        "image" | "images" | "image_url" | "input_image" | "inputImage" | "maskImage" => Some(Medium::Image),
        "document" | "file" | "input_file" | "file_data" => Some(Medium::Document),
        "video" | "video_url" => Some(Medium::Video),
        "audio" | "input_audio" => Some(Medium::Audio),
        _ => None,
    }
}

/// By the `format` of Converse and Nova.
fn medium_of_format(format: &str) -> Option<Medium> {
    match format {
        "png" | "jpeg" | "jpg" | "gif" | "webp" => Some(Medium::Image),
        "pdf" | "csv" | "doc" | "docx" | "xls" | "xlsx" | "html" | "txt" | "md" => Some(Medium::Document),
        "mp4" | "mov" | "mkv" | "webm" | "flv" | "mpeg" | "mpg" | "wmv" | "three_gp" => Some(Medium::Video),
        "mp3" | "wav" | "flac" | "ogg" | "opus" | "aac" | "m4a" => Some(Medium::Audio),
        _ => None,
    }
}

/// By the first bytes, as they stand in base64.
fn medium_of_bytes(base64: &str) -> Option<Medium> {
    let begins = |marks: &[&str]| marks.iter().any(|mark| base64.starts_with(mark));
    if begins(&["iVBOR", "/9j/", "R0lGOD", "UklGR"]) {
        Some(Medium::Image)
    } else if begins(&["JVBERi", "UEsDB"]) {
        Some(Medium::Document)
    } else if begins(&["SUQz", "T2dnUw", "ZkxhQ"]) {
        Some(Medium::Audio)
    } else {
        None
    }
}

/// Runs of base64 that are too long to be words.
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

/// Reads a value that stands under a name; what it holds in base64 is counted as soon as it is known what it is.
struct ValueSeed<'a> {
    walk: &'a mut Walk,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Payloads;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Payloads, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Payloads;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Payloads, E> {
        Ok(Vec::new())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Payloads, E> {
        Ok(Vec::new())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Payloads, E> {
        Ok(Vec::new())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Payloads, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Payloads, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Payloads, E> {
        // Nearly every text is short, or has a blank early on.
        if text.len() < MIN_PAYLOAD || memchr(b' ', &text.as_bytes()[..MIN_PAYLOAD]).is_some() {
            return Ok(Vec::new());
        }
        Ok(payload(self.name, text).into_iter().collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Payloads, A::Error> {
        let mut all = Vec::new();
        while let Some(payloads) = seq.next_element_seed(ValueSeed { walk: self.walk, name: self.name })? {
            // What stands in a list is known by itself, or by the list's name.
            let medium = medium_of_name(self.name);
            all.extend(payloads.into_iter().map(|payload| Payload { medium: payload.medium.or(medium), ..payload }));
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payloads, A::Error> {
        let (mut all, mut told) = (Payloads::new(), None);
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "type" | "media_type" | "mediaType" | "format" => {
                    told = map.next_value::<Hint>()?.0.or(told);
                }
                _ => {
                    let payloads = map.next_value_seed(ValueSeed { walk: self.walk, name: &name })?;
                    let medium = medium_of_name(&name);
                    let known = |payload: Payload| Payload { medium: payload.medium.or(medium), ..payload };
                    all.extend(payloads.into_iter().map(known));
                }
            }
        }
        let (known, unknown): (Payloads, Payloads) = all.into_iter().partition(|p| p.medium.or(told).is_some());
        self.walk.settle(known, told);
        Ok(unknown)
    }
}

/// What a `type`, `media_type` or `format` says of what stands beside it.
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
    use super::super::OVERHEAD;
    use super::*;

    const IMAGE: u64 = 6_000;

    fn most(body: &str) -> u64 {
        of_body(body.as_bytes()).most_tokens() - OVERHEAD
    }

    #[test]
    fn text_bounds_itself_by_the_byte() {
        let body = r#"{"max_tokens":9,"messages":[{"role":"user","content":"hello there"}]}"#;
        assert_eq!(most(body), body.len() as u64);
        assert_eq!(most("no JSON at all"), 14);
        assert_eq!(most(""), 0);
    }

    #[test]
    fn an_image_counts_the_same_in_every_family_whatever_its_bytes() {
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
    fn a_document_counts_by_its_bytes_up_to_what_a_model_has_room_for() {
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
        for name in ["text", "content", "prompt", "inputText"] {
            let body = format!(r#"{{"{name}":"{text}"}}"#);
            assert_eq!(most(&body), body.len() as u64, "{name}");
        }
        // Where nothing is known of a body, long base64 is taken for an attachment.
        let broken = format!(r#"{{"data":"{}"#, "A".repeat(400_000));
        assert!(most(&broken) > 400_000, "300,000 bytes of a document at the most");
        let broken = format!(r#"{{"data":"{}"#, "A".repeat(4_000_000));
        assert!(most(&broken) < 1_001_000);
    }

    #[test]
    fn deep_or_hostile_json_is_counted_by_its_bytes() {
        let deep = "[".repeat(100_000);
        assert_eq!(most(&deep), 100_000);
    }
}
