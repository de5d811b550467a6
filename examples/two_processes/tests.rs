#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn the_report_of_the_orchestrator_includes_the_cost_of_the_worker() {
    for (arguments, row) in [(&[][..], "remote researcher"), (&["--queue"], "remote research-queue")] {
        let run = Command::new(env!("CARGO_BIN_EXE_two_processes")).args(arguments).output().unwrap();
        let text = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
        let row = text.lines().find(|line| line.contains(row)).expect("the worker has a row");
        // Two calls of 1,800 tokens at $1.10 and 240 at $5.50 per million, and a search for half a cent.
        assert!(row.contains("0.011600") && row.contains("receipt of 2 calls"), "{row}");
        assert!(text.starts_with("answer-question  success  $0.031400  exact   4 calls"), "{text}");
        assert!(text.contains("remote        $0.011600 (37%) by receipt"), "{text}");
    }
}
