use outlay::{CostStatus, Outlay, Usd};

use crate::{ask, simulated};

#[tokio::test]
async fn calls_of_rig_and_of_its_tools_are_in_the_report() {
    let bedrock = simulated::bedrock().await.unwrap();
    let outlay = Outlay::builder().build();
    let (answer, report) = ask(&outlay, simulated::client(&bedrock)).await;
    assert!(answer.unwrap().contains("KB-112"));
    assert_eq!(bedrock.pending(), 0, "rig used all scripted replies");
    assert_eq!(outlay.unattributed().calls(), 0);

    let totals = report.totals();
    assert_eq!(totals.calls(), 4);
    assert_eq!((totals.usage().input_tokens(), totals.usage().output_tokens()), (4_510, 300));
    assert_eq!(totals.cost().status(), CostStatus::Exact);
    // 2,710 x 3.30 + 220 x 16.50, and 1,800 x 1.10 + 80 x 5.50 dollars per million tokens, and a cent for two searches.
    assert_eq!(totals.cost().usd(), Some(Usd::from_picos(12_573_000_000 + 2_420_000_000 + 10_000_000_000)));
    let tools = totals.by_kind().iter().find(|kind| kind.kind.as_str() == "tool").unwrap();
    assert_eq!((tools.calls, tools.cost), (2, Usd::from_picos(12_420_000_000)));
}
