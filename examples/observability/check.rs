//! Checks that the configuration in this folder parses, and that its queries use only names that the library exports.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use yaml_rust2::YamlLoader;

/// The source file with all names that the library exports.
const NAMES: &str = include_str!("../../crates/outlay-otel/src/names.rs");
const METRICS: &str = include_str!("metrics.md");
const README: &str = include_str!("../../README.md");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("observability")
}

/// Returns the paths and texts of all files in this folder, except Rust files.
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

/// Returns the quoted names in the source file.
fn exported() -> BTreeSet<&'static str> {
    let quoted = NAMES.split('"').skip(1).step_by(2);
    quoted.filter(|name| name.starts_with("outlay.") || name.starts_with("gen_ai.")).collect()
}

/// Returns the names in a text, in dotted or Prometheus form.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    let words = words.map(|word| word.trim_matches('.').trim_start_matches("span."));
    words.filter(|word| ["outlay.", "outlay_", "gen_ai.", "gen_ai_"].iter().any(|start| word.starts_with(start)))
}

/// Returns the Prometheus names of metrics and attributes. Another test compares the table of metrics with a store.
fn prometheus_names(exported: &BTreeSet<&str>) -> BTreeSet<String> {
    let rows = METRICS.lines().filter(|line| line.starts_with("| `"));
    let metrics = rows.filter_map(|row| row.split(" | ").nth(3)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    exported.iter().map(|name| name.replace('.', "_")).chain(metrics.map(str::to_owned)).collect()
}

/// Returns the dashboards by the names of their files.
fn dashboards() -> Vec<(String, serde_json::Value)> {
    let files = files().into_iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "json"));
    let dashboards: Vec<_> = files
        .map(|(path, text)| (path.file_stem().unwrap().display().to_string(), serde_json::from_str(&text).unwrap()))
        .collect();
    assert_eq!(dashboards.len(), 3);
    dashboards
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
    assert_eq!(parsed, 15);
}

#[test]
fn queries_use_only_names_that_the_library_exports() {
    let exported = exported();
    let prometheus = prometheus_names(&exported);
    let mut checked = BTreeSet::new();
    for (path, text) in files() {
        // Backslashes are escapes in JSON, and in the expressions in it.
        for name in names_in(&text.replace('\\', "")) {
            let is_file = Path::new(name).extension().is_some_and(|end| end == "yaml" || end == "json");
            let is_exported = exported.contains(name) || prometheus.contains(name) || is_file;
            assert!(is_exported, "the library does not export `{name}`, used in {}", path.display());
            checked.insert(name.to_owned());
        }
    }
    assert!(checked.len() > 12, "too few names were found: {checked:?}");
}

#[test]
fn files_mounted_by_compose_exist() {
    for (path, text) in files().iter().filter(|(path, _)| path.ends_with("compose.yaml")) {
        for mount in text.lines().filter_map(|line| line.trim().strip_prefix("- ./")) {
            let file = mount.split(':').next().unwrap_or_default();
            assert!(path.with_file_name(file).exists(), "missing {file}, mounted by {}", path.display());
        }
    }
}

#[test]
fn dashboard_data_sources_are_provisioned() {
    let read = |file: &str| fs::read_to_string(folder().join("grafana").join(file)).unwrap();
    let sources = YamlLoader::load_from_str(&read("datasources.yaml")).unwrap();
    let sources: Vec<_> = sources[0]["datasources"].as_vec().unwrap().iter().map(|s| s["uid"].as_str()).collect();
    for (_, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(sources.contains(&panel["datasource"]["uid"].as_str()), "{}", panel["title"]);
        }
    }
}

/// The README's search in Tempo, and every link of a dashboard to traces, use only names that the library exports.
#[test]
fn queries_for_traces_use_only_names_that_the_library_exports() {
    let exported = exported();
    let in_readme = README.lines().filter(|line| line.contains("span.outlay.")).map(str::to_owned);
    let of_panels = dashboards().into_iter().flat_map(|(_, dashboard)| {
        let texts = dashboard.to_string();
        texts.split('"').filter(|text| text.contains("span.outlay.")).map(str::to_owned).collect::<Vec<_>>()
    });
    let queries: Vec<_> = in_readme.chain(of_panels).collect();
    assert!(queries.len() > 5, "{queries:?}");
    for query in queries {
        let after_span = query.split("span.").skip(1);
        let names = after_span.map(|rest| {
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                .next()
                .unwrap()
                .trim_end_matches('.')
        });
        for name in names {
            assert!(exported.contains(name), "the library does not export `{name}`, used in {query}");
        }
    }
}

/// The period before the default one has to be in the store, and a day more.
#[test]
fn stores_keep_twice_the_time_of_each_dashboard() {
    let days = |text: &str, before: &str, after: char| -> u32 {
        text.split(before).nth(1).unwrap().split(after).next().unwrap().parse().unwrap()
    };
    for script in ["grafana/compose.yaml", "local/start.sh"] {
        let text = fs::read_to_string(folder().join(script)).unwrap();
        let kept = days(&text, "--storage.tsdb.retention.time=", 'd');
        for (name, dashboard) in dashboards() {
            let from = dashboard["time"]["from"].as_str().unwrap();
            let range = if from.ends_with('d') { days(from, "now-", 'd') } else { 1 };
            assert!(kept > 2 * range + 1, "{script} keeps {kept} days, and {name} shows {range}");
        }
    }
}

/// A table of tasks leads to their traces: by a link with the task's name, or because Grafana links the ids of spans.
#[test]
fn tables_of_tasks_lead_to_their_traces() {
    let mut links = 0;
    for (name, dashboard) in dashboards().iter().filter(|(name, _)| name == "engineer") {
        for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] == "table") {
            let is_of_spans = panel["targets"][0]["tableType"] == "spans";
            let text = panel.to_string();
            let shows_tasks = text.contains(r#""outlay_task_name":"Task""#);
            let has_link = text.contains("/explore?") && text.contains("${__data.fields.Task}");
            assert!(!shows_tasks || has_link, "{name}: {}", panel["title"]);
            links += usize::from(is_of_spans || has_link);
        }
    }
    assert!(links >= 5, "{links}");
}
