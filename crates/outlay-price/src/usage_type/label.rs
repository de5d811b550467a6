use std::borrow::Cow;
use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::{Family, ModelRef, Routing};

/// The id without geo prefix of what usage types, price lists and AWS Marketplace call a model; `None` where the name is
/// not known.
///
/// An id of a known vendor stands for itself.
pub fn base_id(label: &str) -> Option<Cow<'_, str>> {
    static LABELS: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let lines = include_str!("../../data/model-labels.tsv").lines();
        lines.filter_map(|line| line.split_once('\t')).map(|(label, id)| (folded(label), id)).collect()
    });
    if let Some(id) = LABELS.get(&folded(label)) {
        return Some(Cow::Borrowed(id));
    }
    let model = ModelRef::parse(label).ok()?;
    let is_id = model.routing() == Some(Routing::InRegion) && model.family() != Family::Other;
    is_id.then(|| model.base_id().map(Cow::Borrowed)).flatten()
}

/// Without what writers differ in: case, blanks and hyphens, and the edition of AWS Marketplace.
fn folded(label: &str) -> String {
    let label = label.trim().trim_end_matches("(Amazon Bedrock Edition)");
    label.chars().filter(|c| c.is_alphanumeric() || *c == '.').map(|c| c.to_ascii_lowercase()).collect()
}
