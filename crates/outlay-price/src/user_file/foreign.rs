//! Detection of foreign price tables by their top-level keys.

use super::syntax::{Node, Value};

/// Returns a description of a foreign price table, or `None` for any other file.
pub(super) fn format(root: &Node<'_>) -> Option<&'static str> {
    let table = match &root.value {
        Value::Table(table) => table,
        // A list of providers, each with its models.
        Value::List(providers) => return providers.first().filter(|first| has(first, "models")).map(|_| GENAI),
        _ => return None,
    };
    let has_key = |key: &str| table.iter().any(|entry| entry.key == key);
    if has_key("offerCode") || (has_key("products") && has_key("terms")) {
        Some("an offer file of AWS's Price List")
    } else if has_key("sample_spec") || table.iter().any(|entry| has(&entry.node, "litellm_provider")) {
        Some("LiteLLM's price table")
    } else if has_key("models") && has_key("pricing_urls") || (has_key("models") && has_key("api_pattern")) {
        Some(GENAI)
    } else {
        None
    }
}

const GENAI: &str = "the prices of genai-prices";

fn has(node: &Node<'_>, key: &str) -> bool {
    matches!(&node.value, Value::Table(table) if table.iter().any(|entry| entry.key == key))
}
