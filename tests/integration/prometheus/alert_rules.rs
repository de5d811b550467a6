//! The unit tests of the alerts, and the configuration, checked by promtool.

use std::path::Path;

use outlay_tests::run_independent;

fn path(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/observability/grafana");
    folder.join(file).display().to_string()
}

#[test]
fn promtool_accepts_the_alerts_and_their_tests_pass() {
    let Some(tested) =
        run_independent("promtool.sh", &["test", "rules", &path("alerts_test.yaml"), &path("alerts_weeks_test.yaml")])
    else {
        return;
    };
    assert_eq!(tested.matches("SUCCESS").count(), 2, "{tested}");
    let checked = run_independent("promtool.sh", &["check", "config", &path("prometheus.yaml")]).unwrap();
    assert!(checked.contains("7 rules found"), "{checked}");
}

/// Each alert has a unit test that expects it, and a section in the runbook that its label names.
#[test]
fn each_alert_is_tested_and_in_the_runbook() {
    let read = |file: &str| std::fs::read_to_string(path(file)).unwrap();
    let (alerts, runbook) = (read("alerts.yaml"), read("../runbook.md"));
    let tests = read("alerts_test.yaml") + &read("alerts_weeks_test.yaml");
    let rules: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(rules.len(), 7);
    for name in &rules {
        let anchor = format!("examples/observability/runbook.md#{}", name.to_lowercase());
        assert!(runbook.contains(&format!("\n## {name}\n")), "the runbook has no section {name}");
        assert!(alerts.contains(&format!("runbook: {anchor}\n")), "no alert names {anchor}");
        assert!(tests.contains(&format!("runbook: {anchor}\n")), "no test expects {name}");
    }
    for label in ["team: ", "owner: ", "severity: ", "runbook: "] {
        assert_eq!(alerts.matches(&format!("          {label}")).count(), rules.len(), "each alert has {label}");
    }
}
