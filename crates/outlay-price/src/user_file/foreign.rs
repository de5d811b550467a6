//! Price files of others, which are told by the keys at their top.

use super::syntax::{Node, Value};

/// Returns what a file is, where it is a price table of somebody else.
pub(super) fn format(root: &Node<'_>) -> Option<&'static str> {
    let table = match &root.value {
        Value::Table(table) => table,
        // A list of providers, each with its models.
        Value::List(providers) => return providers.first().filter(|first| has(first, "models")).map(|_| GENAI),
        _ => return None,
    };
    let is_there = |key: &str| table.iter().any(|entry| entry.key == key);
    if is_there("offerCode") || (is_there("products") && is_there("terms")) {
        Some("an offer file of AWS's Price List")
    } else if is_there("sample_spec") || table.iter().any(|entry| has(&entry.node, "litellm_provider")) {
        Some("LiteLLM's price table")
    } else if is_there("models") && is_there("pricing_urls") || (is_there("models") && is_there("api_pattern")) {
        Some(GENAI)
    } else {
        None
    }
}

const GENAI: &str = "the prices of genai-prices";

fn has(node: &Node<'_>, key: &str) -> bool {
    matches!(&node.value, Value::Table(table) if table.iter().any(|entry| entry.key == key))
}
