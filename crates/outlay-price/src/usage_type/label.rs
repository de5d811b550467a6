use std::borrow::Cow;
use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::{Family, ModelRef, Routing};

/// Returns the model id without geo prefix for a label in usage types, price lists or AWS Marketplace, or `None` if the
/// label is unknown.
///
/// An id of a known vendor is returned as it is.
pub fn base_id(label: &str) -> Option<Cow<'_, str>> {
    static LABELS: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let lines = include_str!("../../data/model-labels.tsv").lines();
        lines.filter_map(|line| line.split_once('\t')).map(|(label, id)| (normalized(label), id)).collect()
    });
    if let Some(id) = LABELS.get(&normalized(label)) {
        return Some(Cow::Borrowed(id));
    }
    let model = ModelRef::parse(label).ok()?;
    let is_id = model.routing() == Some(Routing::InRegion) && model.family() != Family::Other;
    is_id.then(|| model.base_id().map(Cow::Borrowed)).flatten()
}

/// Removes differences in spelling: case, spaces, hyphens and the edition of AWS Marketplace.
fn normalized(label: &str) -> String {
    let label = label.trim().trim_end_matches("(Amazon Bedrock Edition)");
    label.chars().filter(|c| c.is_alphanumeric() || *c == '.').map(|c| c.to_ascii_lowercase()).collect()
}
