//! The source files of the workspace's crates.

use std::fs;
use std::path::{Path, PathBuf};

/// A crate of `crates/`.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) files: Vec<SourceFile>,
}

/// A source file of a crate, excluding its tests.
pub(crate) struct SourceFile {
    /// The path relative to `src`, with `/` as separator.
    pub(crate) path: String,
    pub(crate) syntax: syn::File,
}

impl SourceFile {
    /// Returns the file name with its extension.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns the module path of the file, such as `["scope", "current"]`.
    pub(crate) fn module(&self) -> Vec<String> {
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("lib" | "main" | "mod")) {
            module.pop();
        }
        module
    }
}

/// Returns the crates of the workspace, sorted by name.
pub(crate) fn crates() -> Vec<Crate> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let entries = fs::read_dir(&folder).expect("the crates folder can be read");
    let mut crates: Vec<Crate> = entries
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(|path| {
            let name = path.file_name().expect("the path has a file name").to_string_lossy().into_owned();
            let src = path.join("src");
            let mut paths = Vec::new();
            collect(&src, &mut paths);
            paths.sort();
            Crate { name, files: paths.iter().map(|path| read(path, &src)).collect() }
        })
        .collect();
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(crates.len() >= 9, "only {} crates were found", crates.len());
    crates
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let name = path.file_name().expect("the path has a file name").to_string_lossy();
        let stem = name.trim_end_matches(".rs");
        let is_test = stem == "tests" || stem.ends_with("_tests");
        if path.is_dir() && !is_test {
            collect(&path, paths);
        } else if name.ends_with(".rs") && !is_test {
            paths.push(path);
        }
    }
}

fn read(path: &Path, src: &Path) -> SourceFile {
    let text = fs::read_to_string(path).expect("the source file can be read");
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let relative = path.strip_prefix(src).expect("the path is below src");
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    SourceFile { path: parts.join("/"), syntax }
}
