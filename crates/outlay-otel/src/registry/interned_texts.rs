use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashSet;

/// The maximum number of distinct texts that are kept. Other texts are allocated each time.
const MAX_TEXTS: usize = 1_000;

/// Shared copies of texts that occur often, such as model ids.
#[derive(Debug, Default)]
pub(crate) struct InternedTexts(Mutex<HashSet<Arc<str>>>);

impl InternedTexts {
    /// Returns the shared copy of the text.
    pub(crate) fn intern(&self, text: &str) -> Arc<str> {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.get(text) {
            return known.clone();
        }
        let name: Arc<str> = Arc::from(text);
        if texts.len() < MAX_TEXTS {
            texts.insert(name.clone());
        }
        name
    }

    /// Adds the text. Returns whether it is new.
    pub(crate) fn insert(&self, text: &Arc<str>) -> bool {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.len() < MAX_TEXTS && texts.insert(text.clone())
    }
}
