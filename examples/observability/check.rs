//! The configuration in this folder parses, and its queries name nothing that the library does not export.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use yaml_rust2::YamlLoader;

/// The one place where the library's names are.
const NAMES: &str = include_str!("../../crates/outlay-otel/src/names.rs");
const METRICS: &str = include_str!("metrics.md");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("observability")
}

/// All files here but this one, with what is in them.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// What is in quotes in the file of names, and begins like a name.
fn exported() -> BTreeSet<&'static str> {
    let quoted = NAMES.split('"').skip(1).step_by(2);
    quoted.filter(|name| name.starts_with("outlay.") || name.starts_with("gen_ai.")).collect()
}

/// The names in a text, dotted or as Prometheus writes them.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    let words = words.map(|word| word.trim_matches('.').trim_start_matches("span."));
    words.filter(|word| ["outlay.", "outlay_", "gen_ai.", "gen_ai_"].iter().any(|start| word.starts_with(start)))
}

/// What a PromQL store calls metrics and attributes. The table of metrics is held against a store by a test of its own.
fn in_prometheus(exported: &BTreeSet<&str>) -> BTreeSet<String> {
    let rows = METRICS.lines().filter(|line| line.starts_with("| `"));
    let metrics = rows.filter_map(|row| row.split(" | ").nth(3)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    exported.iter().map(|name| name.replace('.', "_")).chain(metrics.map(str::to_owned)).collect()
}

#[test]
fn every_file_parses() {
    let mut parsed = 0;
    for (path, text) in files() {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") => {
                let documents = YamlLoader::load_from_str(&text);
                assert_eq!(documents.map(|d| d.len()), Ok(1), "{}", path.display());
            }
            Some("json") => {
                let value: Result<serde_json::Value, _> = serde_json::from_str(&text);
                assert!(value.is_ok_and(|value| value.is_object()), "{}", path.display());
            }
            _ => continue,
        }
        parsed += 1;
    }
    assert_eq!(parsed, 8);
}

#[test]
fn every_name_in_a_query_is_one_that_the_library_exports() {
    let exported = exported();
    let in_prometheus = in_prometheus(&exported);
    let mut checked = BTreeSet::new();
    for (path, text) in files() {
        // A backslash escapes in JSON, and in an expression in it.
        for name in named(&text.replace('\\', "")) {
            let is_file = Path::new(name).extension().is_some_and(|end| end == "yaml" || end == "json");
            let known = exported.contains(name) || in_prometheus.contains(name) || is_file;
            assert!(known, "`{name}` in {} is no name of the library's", path.display());
            checked.insert(name.to_owned());
        }
    }
    assert!(checked.len() > 12, "the names were found: {checked:?}");
}

#[test]
fn the_files_that_compose_mounts_are_there() {
    for (path, text) in files().iter().filter(|(path, _)| path.ends_with("compose.yaml")) {
        for mount in text.lines().filter_map(|line| line.trim().strip_prefix("- ./")) {
            let file = mount.split(':').next().unwrap_or_default();
            assert!(path.with_file_name(file).is_file(), "{file}, which {} mounts", path.display());
        }
    }
}

#[test]
fn the_dashboards_sources_are_those_that_are_provisioned() {
    let read = |file: &str| fs::read_to_string(folder().join("grafana").join(file)).unwrap();
    let sources = YamlLoader::load_from_str(&read("datasources.yaml")).unwrap();
    let sources: Vec<_> = sources[0]["datasources"].as_vec().unwrap().iter().map(|s| s["uid"].as_str()).collect();
    let dashboard: serde_json::Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(sources.contains(&panel["datasource"]["uid"].as_str()), "{}", panel["title"]);
    }
}
