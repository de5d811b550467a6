//! Guardrails that do not intervene.

use serde_json::{Map, Value, json};

use crate::reply::Reply;

/// The characters in a text unit. A partial unit counts as a whole one.
const TEXT_UNIT: usize = 1_000;

/// Returns the assessment of a guardrail with content filters and denied topics.
pub(super) fn apply(body: &Value) -> Reply {
    let units = text_units(body["content"].as_array().into_iter().flatten().map(|block| &block["text"]["text"]));
    Reply::json(json!({
        "usage": {
            "topicPolicyUnits": units,
            "contentPolicyUnits": units,
            "wordPolicyUnits": 0,
            "sensitiveInformationPolicyUnits": 0,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
        },
        "action": "NONE",
        "outputs": [],
        "assessments": [],
    }))
}

/// Returns the results of the requested checks, none of which finds anything.
pub(super) fn run_checks(body: &Value) -> Reply {
    let messages = body["messages"].as_array().into_iter().flatten();
    let blocks = messages.filter_map(|message| message["content"].as_array()).flatten();
    let units = text_units(blocks.map(|block| &block["text"]));
    let names: Vec<&String> = body["checks"].as_object().into_iter().flat_map(Map::keys).collect();
    let for_each = |value: Value| names.iter().map(|name| ((*name).clone(), value.clone())).collect::<Map<_, _>>();
    Reply::json(json!({
        "results": for_each(json!({"results": []})),
        "usage": for_each(json!({"textUnits": units})),
    }))
}

fn text_units<'a>(texts: impl Iterator<Item = &'a Value>) -> usize {
    texts.filter_map(Value::as_str).map(|text| text.chars().count().div_ceil(TEXT_UNIT)).sum()
}
