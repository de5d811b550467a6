//! Reports of work in other processes.

use outlay_ledger::{Caller, Outcome, Receipt, RemoteId, StepKind};
use outlay_price::{Charge, Usd};

use crate::fixture::{Fixture, HAIKU, SONNET, UNICODE, call, report, usage};

/// Returns the receipt of another process, for two calls.
fn receipt(fixture: &Fixture, remote: RemoteId) -> Receipt {
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), "answer").remote(remote);
    let task = fixture.ledger.task(outlay_ledger::TaskSpec::new("research").caller(caller));
    fixture.call(&task, 300, call(HAIKU, usage(2_000, 100)));
    fixture.call(&task, 300, call(HAIKU, usage(1_000, 50)));
    task.finish();
    task.receipt().to_string().parse().unwrap()
}

#[test]
fn a_receipt_is_in_the_tree_and_in_the_sums() {
    let fixture = Fixture::new();
    let task = fixture.task("answer");
    fixture.call(&task, 200, call(SONNET, usage(1_000, 100)));
    let tool = task.step(StepKind::Tool, "ask the researcher");
    let remote = tool.open_remote("researcher.internal");
    remote.receive(&receipt(&fixture, remote.id()));
    tool.charge("serp-api", Charge::external(Usd::from_micros(5_000)));
    tool.finish();
    task.set_outcome(Outcome::success());
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    answer  success  $0.014075  exact   3 calls   0.8 s

                                          cost  share  in tok  read  out   time
    task answer                      $0.014075   100%   4,000     0  250   0.8s
    ├─ chat us.claude-sonnet-4-5      0.004950  35.2%   1,000     0  100
    └─ tool  ask the researcher       0.009125  64.8%   3,000     0  150   0.6s
       ├─ remote researcher.internal  0.004125  29.3%   3,000     0  150   0.6s  receipt of 2 calls
       └─ charge serp-api             0.005000  35.5%

    by model      sonnet-4-5 $0.004950 (35%)   haiku-4-5 $0.004125 (29%)   external $0.005000 (36%)
    by direction  input 47%   output 17%   external 36%
    remote        $0.004125 (29%) by receipt
    sure of       exact $0.014075   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
}

#[test]
fn pending_and_lost_receipts_are_reported() {
    let fixture = Fixture::new();
    let task = fixture.task("answer");
    fixture.call(&task, 200, call(SONNET, usage(1_000, 100)));
    let tool = task.step(StepKind::Tool, "ask");
    let open = (tool.open_remote("slow"), task.open_call_unchecked());
    task.open_remote("gone").lose();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    answer  running  ≥$0.004950  1 call, 1 receipt pending   1 call

                                       cost  share  in tok  read  out   time
    task answer                  ≥$0.004950   100%   1,000     0  100   running  1 call pending
    ├─ chat us.claude-sonnet-4-5   0.004950   100%   1,000     0  100
    ├─ remote gone                 unpriced                             0.0s  its receipt was lost
    └─ tool  ask                    pending                             running  1 receipt pending

    by model      sonnet-4-5 $0.004950 (100%)
    by direction  input 67%   output 33%
    remote        1 receipt lost: that cost is not known
    sure of       exact $0.004950   estimated $0   bounded $0   unpriced in part   prices 2026-11-28
    pending       1 call has not ended: its cost is not in these figures
                  1 receipt has not come: its cost is not in these figures
    ");
    drop(open);
}
