//! Checks the workspace's own structure: which files import each other, and what files are called.

mod circles;
mod imports;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::circles::largest_circle;
use crate::imports::Imports;
use crate::sources::{Crate, crates};

/// The largest circle of files that import each other, by crate. A crate without an entry has none. Lower a limit when a
/// circle becomes smaller; do not raise one.
const MAX_CIRCLES: [(&str, usize); 6] = [
    ("outlay", 3),
    ("outlay-bedrock", 4),
    ("outlay-ledger", 3),
    ("outlay-otel", 2),
    ("outlay-price", 3),
    ("outlay-redis", 1),
];

#[test]
fn no_circle_of_files_that_import_each_other_grows() {
    let limits = BTreeMap::from(MAX_CIRCLES);
    for krate in crates() {
        let imports = Imports::of(&krate);
        assert!(imports.edges() > 0 || krate.files.len() < 3, "{}: no imports are found", krate.name);
        let circle = largest_circle(&imports);
        let limit = limits.get(krate.name.as_str()).copied().unwrap_or(1);
        assert!(
            circle.len() <= limit,
            "{}: {} files import each other in a circle, at most {limit} may: {}. Move what they share into a file \
             below them",
            krate.name,
            circle.len(),
            circle.join(" ")
        );
        assert!(circle.len() == limit, "{}: the circle is smaller: lower its limit to {}", krate.name, circle.len());
    }
}

#[test]
fn no_two_files_of_a_crate_have_the_same_name() {
    for Crate { name, files, .. } in crates() {
        let mut by_name = BTreeMap::<&str, Vec<&str>>::new();
        for file in files.iter() {
            by_name.entry(file.name()).or_default().push(&file.path);
        }
        let twice: Vec<_> = by_name.values().filter(|paths| paths.len() > 1).collect();
        assert!(twice.is_empty(), "{name}: rename one of each: {twice:?}");
    }
}

/// The documents at the top, and what else speaks of the sources.
const DOCUMENTS: [&str; 5] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "RELEASING.md", "SECURITY.md"];

#[test]
fn the_files_that_documents_name_exist() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut named = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(top.join(document)).expect("the document");
        // Every second part stands between backticks, or between parentheses of a link.
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
    assert!(named > 50, "{named} files are named");
}
