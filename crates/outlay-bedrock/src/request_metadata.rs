//! Attributes calls in Bedrock's invocation log: as `requestMetadata` of Converse, and as a signed header of
//! InvokeModel.
//!
//! AWS accepts at most 16 entries, keys of 1 to 256 characters, values of at most 256 characters from
//! `[a-zA-Z0-9\s:_@$#=/+,-.]`, and a header of 8,500 characters. Entries that the application has set stay as they
//! are. Outlay's entries follow in the configured order while there is room. A key that is already set is left alone,
//! and a character that AWS does not accept becomes `_`. A header that an interceptor of the application sets right
//! before signing replaces Outlay's.

use std::collections::BTreeMap;

use crate::input::Kind;
use crate::metering_entry::Metering;
use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

const HEADER: &str = "x-amzn-bedrock-request-metadata";
const MAX_ENTRIES: usize = 16;
const MAX_LENGTH: usize = 256;
const MAX_HEADER: usize = 8_500;

/// Adds the scope's entries to the input, if the operation has a member for them.
pub(crate) fn put_on_input(input: &mut Input, metering: &Metering) {
    let keys = metering.engine.request_metadata_keys();
    if keys.is_empty() {
        return;
    }
    let metadata = if let Some(input) = input.downcast_mut::<ConverseInput>() {
        &mut input.request_metadata
    } else if let Some(input) = input.downcast_mut::<ConverseStreamInput>() {
        &mut input.request_metadata
    } else {
        return;
    };
    let mut entries = metadata.take().unwrap_or_default();
    for (key, value) in entries_of(metering) {
        if entries.len() < MAX_ENTRIES && !entries.contains_key(&key) {
            entries.insert(key, value);
        }
    }
    *metadata = (!entries.is_empty()).then_some(entries);
}

/// Adds the scope's entries to a header, before the request is signed.
pub(crate) fn put_on_request(request: &mut HttpRequest, kind: Kind, metering: &Metering) {
    if !matches!(kind, Kind::Invoke | Kind::InvokeStream) || metering.engine.request_metadata_keys().is_empty() {
        return;
    }
    // The application's header stays as it is if it cannot be read.
    let Some(mut entries) = (match request.headers().get(HEADER) {
        Some(json) => serde_json::from_str::<BTreeMap<String, String>>(json).ok(),
        None => Some(BTreeMap::new()),
    }) else {
        return;
    };
    let mut header = None;
    for (key, value) in entries_of(metering) {
        if entries.len() >= MAX_ENTRIES || entries.contains_key(&key) {
            continue;
        }
        entries.insert(key.clone(), value);
        match serde_json::to_string(&entries) {
            Ok(json) if json.len() <= MAX_HEADER => header = Some(json),
            _ => drop(entries.remove(&key)),
        }
    }
    if let Some(json) = header {
        // All of its characters are allowed in a header.
        let _ = request.headers_mut().try_insert(HEADER, json);
    }
}

/// Returns the entries that are set, in the configured order.
fn entries_of(metering: &Metering) -> impl Iterator<Item = (String, String)> {
    let keys = metering.engine.request_metadata_keys().iter();
    keys.filter_map(|key| Some((sanitize(key), sanitize(metering.scope.text_attribute(key)?))))
}

fn sanitize(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == ' ' || ":_@$#=/+,-.".contains(c);
    text.chars().map(|c| if allowed(c) { c } else { '_' }).take(MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_character_becomes_an_underscore() {
        assert_eq!(sanitize("Grüße, \"Welt\"\n<a@b.c>"), "Gr__e, _Welt___a@b.c_");
        assert_eq!(sanitize(&"x".repeat(300)).len(), 256);
    }
}
