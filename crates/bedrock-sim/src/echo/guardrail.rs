//! Guardrails that let everything pass.

use serde_json::{Map, Value, json};

use crate::reply::Reply;

/// A text unit is so many characters, begun ones whole.
const TEXT_UNIT: usize = 1_000;

/// A guardrail with content filters and denied topics.
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

/// The checks that are asked for, none of which finds anything.
pub(super) fn checks(body: &Value) -> Reply {
    let messages = body["messages"].as_array().into_iter().flatten();
    let blocks = messages.filter_map(|message| message["content"].as_array()).flatten();
    let units = text_units(blocks.map(|block| &block["text"]));
    let asked: Vec<&String> = body["checks"].as_object().into_iter().flat_map(Map::keys).collect();
    let each = |value: &dyn Fn() -> Value| asked.iter().map(|check| ((*check).clone(), value())).collect::<Map<_, _>>();
    Reply::json(json!({
        "results": each(&|| json!({"results": []})),
        "usage": each(&|| json!({"textUnits": units})),
    }))
}

fn text_units<'a>(texts: impl Iterator<Item = &'a Value>) -> usize {
    texts.filter_map(Value::as_str).map(|text| text.chars().count().div_ceil(TEXT_UNIT)).sum()
}
