//! Checks of the workspace structure: cycles of imports, file names, and the paths in documents.

mod cycles;
mod imports;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cycles::largest_cycle;
use crate::imports::Imports;
use crate::sources::{Crate, crates};

/// The maximum size of a cycle of files that import each other, by crate. A crate without an entry has no cycle. Lower a
/// limit when a cycle becomes smaller. Do not raise one.
const MAX_CYCLES: [(&str, usize); 5] =
    [("outlay", 3), ("outlay-bedrock", 4), ("outlay-ledger", 3), ("outlay-otel", 2), ("outlay-price", 3)];

#[test]
fn no_cycle_of_imports_grows() {
    let limits = BTreeMap::from(MAX_CYCLES);
    for krate in crates() {
        let imports = Imports::of(&krate);
        assert!(imports.edges() > 0 || krate.files.len() < 3, "{}: no imports were found", krate.name);
        let cycle = largest_cycle(&imports);
        let limit = limits.get(krate.name.as_str()).copied().unwrap_or(1);
        assert!(
            cycle.len() <= limit,
            "{}: {} files import each other in a cycle, the limit is {limit}: {}. Move their shared items into a file \
            that all of them import",
            krate.name,
            cycle.len(),
            cycle.join(" ")
        );
        assert!(
            cycle.len() == limit,
            "{}: the cycle has become smaller: lower the limit to {}",
            krate.name,
            cycle.len()
        );
    }
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
