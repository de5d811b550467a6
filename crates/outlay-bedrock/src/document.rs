//! The size of an SDK document as JSON.

use aws_smithy_types::Document;

/// Returns an upper bound of the document's length as JSON text.
pub(crate) fn bytes(document: &Document) -> u64 {
    match document {
        Document::Object(map) => map.iter().fold(2, |sum, (key, value)| sum + key.len() as u64 + 4 + bytes(value)),
        Document::Array(items) => items.iter().fold(2, |sum, item| sum + 1 + bytes(item)),
        Document::String(text) => text.len() as u64 + 2,
        Document::Number(_) => 24,
        Document::Bool(_) | Document::Null => 5,
    }
}
