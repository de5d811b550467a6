//! Hostile and invalid carriers.

use std::collections::HashMap;

use opentelemetry::trace::SpanId;
use outlay::Outcome;
use outlay::propagation::{ExtractError, Incoming};
use outlay_tests::Harness;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn message(baggage: &str) -> HashMap<String, String> {
    HashMap::from([("baggage".to_owned(), baggage.to_owned())])
}

#[tokio::test]
async fn names_and_values_are_cleaned_and_truncated() {
    let worker = Harness::new().await;
    let long = "x".repeat(3_000);
    let baggage = format!(
        "outlay.task.id={ID},outlay.task.name=a%0Ab%00{long},outlay.team={long},outlay.dim.te!nant=%1b[31mred,\
         outlay.dim.=x,outlay.cost.usd=0,outlay.total.usd=9,other=1"
    );
    let incoming = Incoming::from_trusted(&message(&baggage)).unwrap();
    assert_eq!(incoming.caller().task_name().chars().count(), 64);
    let task = worker.outlay.join(&incoming).start();
    task.charge("x", outlay::Usd::ZERO);
    task.finish(Outcome::success());
    let spans = worker.spans();
    let charge = spans.one("charge x");
    assert_eq!(charge.text("outlay.team").unwrap().len(), 256);
    assert_eq!(charge.text("outlay.dim.te_nant"), Some("[31mred"));
    let dimensions = charge.data().attributes.iter().filter(|a| a.key.as_str().starts_with("outlay.dim.")).count();
    assert_eq!(dimensions, 1);
    assert_eq!(charge.double("outlay.cost.usd"), Some(0.0));
}

#[test]
fn baggage_without_a_task_is_rejected() {
    for baggage in ["", "=", ",,,", "a=b", "outlay.task.name=x", "outlay.task.id", &"x=1,".repeat(10_000)] {
        assert_eq!(Incoming::from_trusted(&message(baggage)).unwrap_err(), ExtractError::NoTask, "{baggage:.40}");
    }
}

#[test]
fn an_invalid_id_is_an_error() {
    for member in ["outlay.task.id", "outlay.agent.id", "outlay.step.id", "outlay.remote.id"] {
        // The first of several ids counts.
        let baggage = format!("{member}=%00'--,outlay.task.id={ID}");
        let error = Incoming::from_trusted(&message(&baggage)).unwrap_err();
        assert_eq!(error.to_string(), format!("baggage member `{member}`"));
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("expected a UUID"), "{error:?}");
    }
}

#[tokio::test]
async fn an_invalid_trace_is_ignored_and_the_work_still_belongs_to_the_caller() {
    let worker = Harness::new().await;
    let traces = ["", "00-0-0-0", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "ünicode"];
    for trace in traces {
        let mut carrier = message(&format!("outlay.task.id={ID}"));
        carrier.insert("traceparent".to_owned(), trace.to_owned());
        let incoming = Incoming::from_trusted(&carrier).unwrap();
        worker.outlay.task("research").asked_by(&incoming).start().finish(Outcome::success());
    }
    let spans = worker.spans();
    let research = spans.named("invoke_workflow research");
    assert_eq!(research.len(), traces.len());
    assert!(research.iter().all(|span| span.data().parent_span_id == SpanId::INVALID));
    assert!(spans.iter().all(|span| span.text("outlay.caller.task.id") == Some(ID)));
}

#[tokio::test]
async fn full_baggage_keeps_the_members_of_the_application() {
    let h = Harness::with(|builder| builder.propagate(["team", "tenant"])).await;
    let task = h.outlay.task("t").team(&"t".repeat(200)).start();
    let work = task.run_sync(|| outlay::remote("queue"));
    let full = format!("own={}", "x".repeat(8_000));
    let injected = |own: &str| {
        let mut carrier = message(own);
        work.inject(&mut carrier);
        carrier.remove("baggage").unwrap()
    };
    let baggage = injected(&full);
    assert!(baggage.len() <= 8_192 && baggage.ends_with(&full));
    assert!(baggage.starts_with("outlay.remote.id=") && baggage.contains("outlay.task.id="));
    assert!(!baggage.contains("outlay.team"), "there is no room for the team");
    let many = (0..64).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(injected(&many), many);
    work.cancel();
}
