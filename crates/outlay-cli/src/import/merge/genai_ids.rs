//! The ids that only genai-prices has.

use std::collections::{BTreeMap, BTreeSet};

use crate::import::genai_table::{GenAiTable, Model};
use crate::import::offer::Offer;
use crate::import::source_id::Id;
use outlay_price::{Family, ModelRef};

/// Returns the ids that genai-prices names in full, and all ids of models that LiteLLM does not have.
pub(super) fn genai_only_ids(genai: &GenAiTable, offers: &BTreeMap<Id, Offer>) -> BTreeSet<Id> {
    let known = offers.keys().filter_map(|id| genai.find(&id.wire()));
    let covered: BTreeSet<&str> = known.map(|model| model.id.as_str()).collect();
    let of_model = |model: &Model| -> BTreeSet<Id> {
        let texts = match covered.contains(model.id.as_str()) {
            true => model.exact_ids(),
            false => model.texts(),
        };
        // An id with `-v1` is the same model: a lookup finds it under the shorter id.
        let texts: Vec<&str> = texts.iter().map(|text| text.trim_end_matches("-v1")).collect();
        let whole = texts.iter().filter(|text| {
            genai.find(text).is_some_and(|found| found.id == model.id)
                && is_id(text)
                && !is_prefix_of_another(text, &texts)
        });
        whole.filter_map(|text| Id::new(text, None).ok()).collect()
    };
    genai.models.iter().flat_map(of_model).collect()
}

/// Returns whether a rule's text is a whole id: it has a vendor. Other texts may be parts of ids.
fn is_id(text: &str) -> bool {
    ModelRef::parse(text).is_ok_and(|id| id.family() != Family::Other)
}

/// Returns whether another text is a version of this one, such as `amazon.nova-sonic-v1:0` of `amazon.nova-sonic`.
fn is_prefix_of_another(text: &str, texts: &[&str]) -> bool {
    texts.iter().any(|other| other.strip_prefix(text).is_some_and(|rest| rest.starts_with("-v")))
}
