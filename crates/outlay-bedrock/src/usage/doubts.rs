use super::positive_number::FoundNumber;

/// The reasons why a figure is not exact. An empty value allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doubts(String);

/// Beyond this length further reasons are left out: one is enough to make the figure an estimate.
const MAX_BYTES: usize = 400;

impl Doubts {
    /// Adds a reason, unless it is already there.
    pub(crate) fn add(&mut self, reason: impl FnOnce() -> String) {
        if self.0.len() < MAX_BYTES {
            self.push(&reason());
        }
    }

    /// Adds a positive number whose name is not listed.
    pub(super) fn add_unlisted(&mut self, name: &str, found: &FoundNumber) {
        self.add(|| {
            format!("usage.{} is {}, and its price is not known", clipped_path(name, &found.path), found.count)
        });
    }

    /// Adds another value's reasons.
    pub(crate) fn extend(&mut self, other: &Self) {
        if !other.is_empty() && self.0.len() < MAX_BYTES {
            self.push(&other.0);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the reasons as one text.
    pub(crate) fn into_text(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }

    fn push(&mut self, reason: &str) {
        if self.0.contains(reason) {
            return;
        }
        if !self.0.is_empty() {
            self.0.push_str("; ");
        }
        self.0.push_str(reason);
    }
}

fn clipped_path(name: &str, path: &str) -> String {
    clipped(&[name, path].concat(), 64)
}

/// Returns the start of a text from the wire, without control characters.
pub(super) fn clipped(text: &str, characters: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_added_once_and_the_length_is_limited() {
        let mut doubts = Doubts::default();
        doubts.add(|| "a".repeat(300));
        doubts.add(|| "a".repeat(300));
        assert_eq!(doubts.0.len(), 300);
        doubts.add(|| "b".repeat(300));
        doubts.add(|| "c".to_owned());
        assert!(!doubts.0.contains('c'));
        assert_eq!(clipped("a\nb\u{1b}c", 2), "ab");
    }
}
