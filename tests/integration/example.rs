//! The example that the README runs, as a process that exports to real servers.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The cost of the example's task, in dollars. Its own tests derive it.
pub(crate) const COST: f64 = 0.076_679_96;
/// The part of it that is a charge for a search.
pub(crate) const CHARGE: f64 = 0.005;
/// The tokens of its calls, with the cache.
pub(crate) const TOKENS: (u64, u64) = (24_435, 2_311);

/// Runs the example to its end. It exports spans, and no metrics.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) {
    let mut example = Command::new(env!("CARGO_BIN_EXE_support-agent"));
    example
        .args(arguments)
        .env("OTEL_METRICS_EXPORTER", "none")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), example.output()).await.expect("it ends").unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("$0.076680  exact"), "{output:?}");
}
