//! Checks of the workspace structure: cycles of imports, file names, and the paths in documents.

mod cycles;
mod imports;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cycles::cycles;
use crate::imports::Imports;
use crate::sources::{Crate, crates};

/// The sizes of the cycles of files that import each other, by crate, the largest first. A crate without an entry has none.
/// Remove or lower a number when a cycle becomes smaller. Do not raise or add one.
const CYCLES: [(&str, &[usize]); 5] = [
    ("outlay", &[3, 3]),
    ("outlay-bedrock", &[4]),
    ("outlay-ledger", &[3, 2]),
    ("outlay-otel", &[2]),
    ("outlay-price", &[3, 3, 3, 2, 2, 2, 2]),
];

#[test]
fn no_cycle_of_imports_grows() {
    let known = BTreeMap::from(CYCLES);
    let mut changed = String::new();
    for krate in crates() {
        let imports = Imports::of(&krate);
        assert!(imports.edges() > 0 || krate.files.len() < 3, "{}: no imports were found", krate.name);
        let cycles = cycles(&imports);
        let sizes: Vec<usize> = cycles.iter().map(Vec::len).collect();
        let known = known.get(krate.name.as_str()).copied().unwrap_or_default();
        if sizes != known {
            changed.push_str(&format!("{}: {known:?} are known, {sizes:?} are there:\n", krate.name));
            for cycle in cycles {
                changed.push_str(&format!("  {}\n", cycle.join(" ")));
            }
        }
    }
    assert!(
        changed.is_empty(),
        "the cycles of files that import each other have changed. Move the shared items of a new one into a file that all \
         of them import; remove an old one from the list.\n{changed}"
    );
}

#[test]
fn no_two_files_of_a_crate_have_the_same_name() {
    for Crate { name, files, .. } in crates() {
        let mut by_name = BTreeMap::<&str, Vec<&str>>::new();
        for file in files.iter() {
            by_name.entry(file.name()).or_default().push(&file.path);
        }
        let duplicates: Vec<_> = by_name.values().filter(|paths| paths.len() > 1).collect();
        assert!(duplicates.is_empty(), "{name}: rename one file of each group: {duplicates:?}");
    }
}

/// The top-level documents that name source files.
const DOCUMENTS: [&str; 5] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "RELEASING.md", "SECURITY.md"];

#[test]
fn files_named_in_documents_exist() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut named = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(top.join(document)).expect("the document can be read");
        // Every second part is between backticks. The target of a link is between parentheses.
        let in_code = text.split('`').skip(1).step_by(2);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let is_path = |text: &&str| {
            !text.contains(|c: char| c.is_whitespace() || "*{}<>:".contains(c))
                && (text.starts_with("crates/") || text.starts_with("tests/") || text.ends_with(".md"))
        };
        for path in in_code.chain(links).filter(is_path) {
            named += 1;
            assert!(top.join(path).exists(), "{document} names {path}, which does not exist");
        }
    }
    assert!(named > 50, "only {named} paths were found");
}
