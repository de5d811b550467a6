use outlay::{OutcomeKind, Outlay};

use crate::{RUNAWAY_RULE, client, resolve_ticket, simulated};

#[tokio::test]
async fn the_loop_is_stopped_and_the_report_has_the_reason() {
    let bedrock = simulated().await.unwrap();
    let outlay = Outlay::builder().runaway(RUNAWAY_RULE).build();
    let (error, report) = resolve_ticket(&outlay, client(&bedrock)).await;
    assert!(error.to_string().contains("task `resolve-ticket` is stopped: 8 turns in a row"), "{error}");
    assert_eq!(bedrock.requests().len(), 8, "the ninth call was not sent");
    assert_eq!(report.outcome().kind(), OutcomeKind::Failure);
    let text = report.to_string();
    assert!(text.contains("stopped       8 turns in a row made no progress   1 call refused"), "{text}");
    assert!(outlay.open_tasks().is_empty());
}
