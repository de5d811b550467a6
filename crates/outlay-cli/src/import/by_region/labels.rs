//! What AWS's Price List and pricing page call a model.

use std::collections::BTreeMap;

use crate::import::BuildError;

/// The ids of a label, of which some labels have none.
pub(super) struct Labels<'a>(BTreeMap<String, Vec<&'a str>>);

impl<'a> Labels<'a> {
    /// Reads lines of a label, its ids and the reason.
    pub(super) fn parse(text: &'a str) -> Result<Self, BuildError> {
        let mut labels = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let &[label, ids, reason] = &*fields else {
                return Err(BuildError::one(format!("aws-labels: `{line}` is no label, ids and reason")));
            };
            let ids = ids.split(',').filter(|id| !id.is_empty()).collect();
            if reason.is_empty() || labels.insert(plain(label), ids).is_some() {
                return Err(BuildError::one(format!("aws-labels: {label} is there twice, or without a reason")));
            }
        }
        Ok(Self(labels))
    }

    /// Returns the ids of a label on the pricing page: a line for the page alone begins with `page:`.
    pub(super) fn of_page(&self, label: &str) -> Result<&[&'a str], BuildError> {
        self.0.get(&plain(&format!("page:{label}"))).map_or_else(|| self.ids(label), |ids| Ok(ids))
    }

    /// Returns the ids of each label that has several: they are of one model.
    pub(super) fn twins(&self) -> Vec<Vec<String>> {
        let several = self.0.values().filter(|ids| ids.len() > 1);
        several.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()).collect()
    }

    /// Returns the ids of a label.
    pub(super) fn ids(&self, label: &str) -> Result<&[&'a str], BuildError> {
        let unknown = || BuildError::one(format!("aws-labels: no id is known of `{label}`: map it, with the reason"));
        self.0.get(&plain(label)).map(Vec::as_slice).ok_or_else(unknown)
    }
}

/// Without what copies of a page differ in: case and blanks.
fn plain(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
