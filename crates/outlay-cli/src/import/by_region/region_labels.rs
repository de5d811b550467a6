//! The model ids of the labels in AWS's Price List and pricing page.

use std::collections::BTreeMap;

use crate::import::build_error::BuildError;

/// The ids of each label. Some labels have none.
pub(super) struct Labels<'a>(BTreeMap<String, Vec<&'a str>>);

impl<'a> Labels<'a> {
    /// Parses lines with a label, its ids and the reason.
    pub(super) fn parse(text: &'a str) -> Result<Self, BuildError> {
        let mut labels = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let &[label, ids, reason] = &*fields else {
                return Err(BuildError::one(format!("aws-labels: `{line}` is not a label, ids and reason")));
            };
            let ids = ids.split(',').filter(|id| !id.is_empty()).collect();
            if reason.is_empty() || labels.insert(plain(label), ids).is_some() {
                return Err(BuildError::one(format!("aws-labels: {label} is listed twice, or has no reason")));
            }
        }
        Ok(Self(labels))
    }

    /// Returns the ids of a label on the pricing page. A line for the page alone begins with `page:`.
    pub(super) fn of_page(&self, label: &str) -> Result<&[&'a str], BuildError> {
        self.0.get(&plain(&format!("page:{label}"))).map_or_else(|| self.ids(label), |ids| Ok(ids))
    }

    /// Returns the ids of each label with several ids, which are of one model.
    pub(super) fn id_groups(&self) -> Vec<Vec<String>> {
        let several = self.0.values().filter(|ids| ids.len() > 1);
        several.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()).collect()
    }

    /// Returns the ids of a label.
    pub(super) fn ids(&self, label: &str) -> Result<&[&'a str], BuildError> {
        let unknown = || BuildError::one(format!("aws-labels: `{label}` has no known id: map it and give the reason"));
        self.0.get(&plain(label)).map(Vec::as_slice).ok_or_else(unknown)
    }
}

/// Normalizes case and blanks, in which copies of a page differ.
fn plain(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
