//! Finds byte-identical requests, which distinguish a loop from progress.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use crc32fast::Hasher;
use memchr::memmem;

/// The start of Outlay's request metadata in a body. It differs between otherwise identical requests.
const METADATA: &[u8] = br#""requestMetadata":{"#;

/// Returns the fingerprint of a request, or `None` if its body is not in memory.
pub(crate) fn of(request: &HttpRequest) -> Option<u64> {
    request.body().bytes().map(|body| of_parts(request.uri(), body))
}

fn of_parts(uri: &str, body: &[u8]) -> u64 {
    let mut hasher = Hasher::new();
    hasher.update(uri.as_bytes());
    let (before, after) = around_metadata(body);
    hasher.update(before);
    hasher.update(after);
    let length = (before.len() + after.len()) as u64;
    (length << 32) | u64::from(hasher.finalize())
}

/// Returns the parts before and after the metadata. The metadata is a flat object of strings, in which AWS allows no
/// brace and no quote. The same text in a prompt has escaped quotes.
fn around_metadata(body: &[u8]) -> (&[u8], &[u8]) {
    let Some(start) = memmem::find(body, METADATA) else { return (body, &[]) };
    let (before, rest) = body.split_at(start);
    match memchr::memchr(b'}', rest) {
        Some(end) => (before, &rest[end..]),
        None => (body, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_body(body: &str) -> u64 {
        of_parts("https://bedrock/model/m/converse", body.as_bytes())
    }

    #[test]
    fn only_the_metadata_is_ignored() {
        let with = |metadata: &str, text: &str| {
            of_body(&format!(r#"{{"messages":[{{"text":"{text}"}}],"requestMetadata":{{{metadata}}},"x":1}}"#))
        };
        assert_eq!(with(r#""outlay.step.id":"a""#, "hello"), with(r#""outlay.step.id":"b""#, "hello"));
        assert_ne!(with(r#""outlay.step.id":"a""#, "hello"), with(r#""outlay.step.id":"a""#, "hellp"));
        assert_ne!(of_body(r#"{"a":1}"#), of_body(r#"{"a":2}"#));
        let quoted = |word: &str| of_body(&format!(r#"{{"text":"\"requestMetadata\":{{{word}}}"}}"#));
        assert_ne!(quoted("a"), quoted("b"), "that was the prompt");
        assert_ne!(of_body(r#""requestMetadata":{"#), of_body(r#""requestMetadata":{ "#), "cut off");
        assert_ne!(of_parts("a", b"x"), of_parts("b", b"x"));
    }
}
