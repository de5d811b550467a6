//! The queries of the dashboards, the alerts and the documents.

use serde_json::Value;
use yaml_rust2::YamlLoader;

/// Grafana's variables with all values chosen.
pub(super) const ALL: [(&str, &str); 3] = [("$team", ".*"), ("$environment", ".*"), ("$task", ".*")];

const DASHBOARDS: [&str; 3] = [
    include_str!("../../../examples/observability/grafana/dashboards/finance.json"),
    include_str!("../../../examples/observability/grafana/dashboards/platform.json"),
    include_str!("../../../examples/observability/grafana/dashboards/engineer.json"),
];
/// The documents with queries, each with the names of its queries in their order.
const DOCUMENTS: [(&str, &[&str]); 4] = [
    (include_str!("../../../README.md"), &["Cost of a day"]),
    (include_str!("../../../examples/observability/README.md"), &["Cost of a day"]),
    (include_str!("../../../examples/observability/metrics.md"), &["Cost of an hour", "Cost of a success"]),
    (include_str!("../../../examples/observability/runbook.md"), &["Tasks without a team"]),
];
const ALERTS: &str = include_str!("../../../examples/observability/grafana/alerts.yaml");

/// Returns the queries of the panels, by the panel's title and the query's letter, with Grafana's variables replaced. The
/// range is a week.
pub(super) fn panel_queries(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let dashboards = DASHBOARDS.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let panels = dashboards.iter().flat_map(|dashboard| dashboard["panels"].as_array().unwrap());
    let mut queries = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let Some(query) = target["expr"].as_str() else { continue };
            let query = query.replace("$__range", "7d").replace("$__interval", "1d");
            let query = variables.iter().fold(query, |query, (name, value)| query.replace(name, value));
            assert!(!query.contains('$'), "{query}");
            let letter = target["refId"].as_str().unwrap();
            queries.push((format!("{} {letter}", panel["title"].as_str().unwrap()), query));
        }
    }
    assert!(queries.len() > 50, "{}", queries.len());
    queries
}

/// Returns the queries of the alerts by their names.
pub(super) fn alert_queries() -> Vec<(String, String)> {
    let alerts = YamlLoader::load_from_str(ALERTS).unwrap();
    let rules = alerts[0]["groups"][0]["rules"].as_vec().unwrap().iter();
    let text = |value: &yaml_rust2::Yaml| value.as_str().unwrap().to_owned();
    rules.map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect()
}

/// Returns the queries of the documents: what starts with `sum` in a block or between backquotes, and has a metric.
pub(super) fn document_queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for (text, names) in DOCUMENTS {
        let quoted = text.split('`').filter(|part| {
            let part = part.trim_start_matches("text\n").trim_start();
            part.starts_with("sum") && part.contains("outlay_") && !part.contains("...")
        });
        let found: Vec<_> = quoted.map(|query| query.trim_start_matches("text\n").to_owned()).collect();
        // The query without a baseline is for processes that are younger than its range.
        let found: Vec<_> = found.into_iter().filter(|query| query != YOUNG).collect();
        assert_eq!(found.len(), names.len(), "{found:#?}");
        queries.extend(names.iter().map(|name| (*name).to_owned()).zip(found));
    }
    queries
}

/// The query of `metrics.md` that `short_lived.rs` tests.
const YOUNG: &str = "sum(last_over_time(outlay_cost_USD_total[1h]))";
