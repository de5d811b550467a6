//! Ids that only genai-prices tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::import::Offer;
use crate::import::genai::{GenAi, Model};
use crate::import::id::Id;
use outlay_price::{Family, ModelRef};

/// Ids that it names exactly, and all of a model that LiteLLM does not have.
pub(super) fn added(genai: &GenAi, offers: &BTreeMap<Id, Offer>) -> BTreeSet<Id> {
    let known = offers.keys().filter_map(|id| genai.find(&id.wire()));
    let covered: BTreeSet<&str> = known.map(|model| model.id.as_str()).collect();
    let of_model = |model: &Model| -> BTreeSet<Id> {
        let texts = match covered.contains(model.id.as_str()) {
            true => model.exact_ids(),
            false => model.texts(),
        };
        // `-v1` is the same model: a lookup finds it under the shorter id.
        let texts: Vec<&str> = texts.iter().map(|text| text.trim_end_matches("-v1")).collect();
        let whole = texts.iter().filter(|text| {
            genai.find(text).is_some_and(|found| found.id == model.id) && is_id(text) && !starts_another(text, &texts)
        });
        whole.filter_map(|text| Id::new(text, None).ok()).collect()
    };
    genai.models.iter().flat_map(of_model).collect()
}

/// A rule's text may be part of an id: one with a vendor is whole.
fn is_id(text: &str) -> bool {
    ModelRef::parse(text).is_ok_and(|id| id.family() != Family::Other)
}

/// `amazon.nova-sonic` beside `amazon.nova-sonic-v1:0`.
fn starts_another(text: &str, texts: &[&str]) -> bool {
    texts.iter().any(|other| other.strip_prefix(text).is_some_and(|rest| rest.starts_with("-v")))
}
