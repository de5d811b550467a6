//! The note of a row: the names of the rules that made it, separated by commas.

use std::collections::BTreeSet;

/// Returns a note with one more name at its end.
pub(super) fn appended(note: &str, name: &str) -> String {
    if note.is_empty() { name.to_owned() } else { format!("{note},{name}") }
}

/// Returns a note with one more name, with all names sorted and unique.
pub(super) fn inserted(note: &str, name: &str) -> String {
    let names: BTreeSet<&str> = note.split(',').filter(|own| !own.is_empty()).chain([name]).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}
