//! Attempts that were sent and never answered. They are bounded, because Bedrock may have processed them.

use std::net::TcpListener;
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::StalledStreamProtectionConfig;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use bedrock_sim::{Fault, Operation, Reply};
use outlay::bedrock::Metered as _;
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, HELLO_TOKENS, Harness, call_spans, client_config, haiku, invoke};

use super::{ANSWER_COST, SHORT, answer, attempts, client, timeouts};

/// The bound of one Haiku call in pico-dollars: its prompt and the assumed 4,096 output tokens.
const BOUND: i64 = HELLO_TOKENS * 1_100_000 + 4_096 * 5_500_000;

#[tokio::test]
async fn a_refused_connection_costs_nothing() {
    let h = Harness::new().await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::from_conf(client_config(&format!("http://{closed}")).build()).metered(&h.outlay);
    let task = h.outlay.task("t").start();
    task.run(haiku(&client).send()).await.unwrap_err();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().to_string(), "$0.000000 exact");
    assert_eq!((report.totals().failed_calls(), report.totals().attempts()), (1, 3));
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("error.type"), Some("connection_error"));
    for attempt in attempts(&spans, call) {
        assert_eq!(attempt.text("error.type"), Some("connection_error"));
        assert!(!attempt.has("http.response.status_code"));
    }
}

#[tokio::test]
async fn an_unknown_host_costs_nothing() {
    let h = Harness::new().await;
    let client = Client::from_conf(client_config("http://no-such-host.invalid").build()).metered(&h.outlay);
    let task = h.outlay.task("t").start();
    let error = task.run(haiku(&client).send()).await.unwrap_err();
    assert_eq!(task.totals().cost().to_string(), "$0.000000 exact", "{error:?}");
}

#[tokio::test]
async fn a_connection_timeout_costs_nothing() {
    let h = Harness::new().await;
    let timeout = timeouts(|t| _ = t.set_connect_timeout(Some(SHORT)));
    // An address reserved for documentation, where no host answers.
    let config = client_config("http://192.0.2.1:9").timeout_config(timeout);
    let client = Client::from_conf(config.build()).metered(&h.outlay);
    let task = h.outlay.task("t").start();
    let error = task.run(haiku(&client).send()).await.unwrap_err();
    assert_eq!(task.totals().cost().to_string(), "$0.000000 exact", "{error:?}");
}

#[tokio::test]
async fn a_reset_before_any_byte_is_bounded_for_each_attempt() {
    let h = Harness::new().await;
    h.sim.push_times(3, Reply::reset());
    let task = h.outlay.task("t").start();
    task.run(haiku(&h.client).send()).await.unwrap_err();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().attempts(), 3);
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("outlay.cost.status"), Some("bounded"));
    assert_eq!(call.int("outlay.cost.picousd"), Some(3 * BOUND));
    assert!(attempts(&spans, call).iter().all(|a| a.text("error.type") == Some("connection_error")));
}

#[tokio::test]
async fn a_retried_reset_adds_its_bound_to_the_cost_of_the_answer() {
    let h = Harness::new().await;
    h.sim.push(Reply::reset()).push(answer());
    let task = h.outlay.task("t").start();
    task.run(haiku(&h.client).send()).await.unwrap();
    let report = task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("outlay.cost.status"), Some("bounded"));
    assert_eq!(call.int("outlay.cost.picousd"), Some(ANSWER_COST + BOUND));
    assert_eq!(call.int("gen_ai.usage.output_tokens"), Some(200), "the span has the tokens of the answer");
    assert!(!call.is_error());
    assert_eq!(report.totals().failed_calls(), 0);
    assert_eq!(attempts(&spans, call).len(), 2);
}

#[tokio::test]
async fn an_attempt_timeout_adds_its_bound_to_the_cost_of_the_answer() {
    for operation in [Operation::Converse, Operation::InvokeModel] {
        let h = Harness::new().await;
        let timeout = timeouts(|t| _ = t.set_operation_attempt_timeout(Some(SHORT)));
        let client = client(&h, |config| config.timeout_config(timeout));
        h.sim.push(Reply::hang()).push(answer());
        let task = h.outlay.task("t").start();
        task.run(async {
            match operation {
                Operation::Converse => drop(haiku(&client).send().await.unwrap()),
                _ => drop(invoke(&client, HAIKU).send().await.unwrap()),
            }
        })
        .await;
        task.finish(Outcome::success());
        let spans = h.spans();
        let call = call_spans(&spans)[0];
        assert_eq!(call.text("outlay.cost.status"), Some("bounded"), "{operation}");
        assert!(call.int("outlay.cost.picousd").unwrap() > ANSWER_COST, "{operation}");
        assert_eq!(call.int("gen_ai.usage.input_tokens"), Some(1_000), "{operation}");
        let attempts = attempts(&spans, call);
        assert_eq!(attempts.len(), 2, "{operation}");
        assert_eq!(attempts[0].text("error.type"), Some("timeout"), "{operation}");
        assert!(!attempts[0].has("http.response.status_code"), "{operation}");
        assert_eq!(attempts[1].int("http.response.status_code"), Some(200), "{operation}");
        let duration = attempts[0].data().end_time.duration_since(attempts[0].data().start_time).unwrap();
        assert!(duration >= SHORT - Duration::from_millis(5) && duration < SHORT * 4, "{operation}: {duration:?}");
    }
}

#[tokio::test]
async fn a_read_timeout_adds_its_bound() {
    let h = Harness::new().await;
    let timeout = timeouts(|t| _ = t.set_read_timeout(Some(SHORT)));
    let client = client(&h, |config| config.timeout_config(timeout));
    h.sim.push(Reply::hang()).push(answer());
    let task = h.outlay.task("t").start();
    task.run(haiku(&client).send()).await.unwrap();
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.int("outlay.cost.picousd"), Some(ANSWER_COST + BOUND));
    assert_eq!(attempts(&spans, call)[0].text("error.type"), Some("timeout"));
}

#[tokio::test]
async fn a_throttle_after_a_lost_attempt_keeps_the_bound_of_the_lost_attempt() {
    let h = Harness::new().await;
    h.sim.push(Reply::reset()).push_times(2, Reply::throttled());
    let task = h.outlay.task("t").start();
    task.run(haiku(&h.client).send()).await.unwrap_err();
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.int("outlay.cost.picousd"), Some(BOUND));
    assert_eq!(call.text("outlay.cost.status"), Some("bounded"));
    assert_eq!(call.text("error.type"), Some("ThrottlingException"));
}

#[tokio::test]
async fn an_operation_that_times_out_is_bounded() {
    let h = Harness::new().await;
    let timeout = timeouts(|t| _ = t.set_operation_timeout(Some(SHORT)));
    let client = client(&h, |config| config.timeout_config(timeout));
    h.sim.push(Reply::throttled()).push(Reply::hang());
    let task = h.outlay.task("t").start();
    task.run(haiku(&client).send()).await.unwrap_err();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().pending_calls(), 0);
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("error.type"), Some("timeout"));
    assert_eq!(call.int("outlay.cost.picousd"), Some(BOUND));
    let statuses: Vec<_> = attempts(&spans, call).iter().map(|a| a.int("http.response.status_code")).collect();
    assert_eq!(statuses, [Some(429), None]);
}

/// Converse states its usage in the body, InvokeModel already in the headers.
#[tokio::test]
async fn a_truncated_body_is_bounded_unless_the_headers_state_the_usage() {
    let protection = StalledStreamProtectionConfig::enabled().grace_period(SHORT / 3).build();
    for fault in [Fault::TruncateInFrame(0, 10), Fault::ResetAt(0), Fault::StallAt(0)] {
        for (operation, status) in [(Operation::Converse, "bounded"), (Operation::InvokeModel, "exact")] {
            let case = format!("{operation} {fault:?}");
            let h = Harness::new().await;
            let client = client(&h, |config| {
                config.retry_config(RetryConfig::disabled()).stalled_stream_protection(protection.clone())
            });
            h.sim.push(answer().fault(fault));
            let task = h.outlay.task("t").start();
            task.run(async {
                match operation {
                    Operation::Converse => drop(haiku(&client).send().await.unwrap_err()),
                    _ => drop(invoke(&client, HAIKU).send().await.unwrap_err()),
                }
            })
            .await;
            assert_eq!(task.totals().failed_calls(), 1, "{case}");
            let spans = h.spans();
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some(status), "{case}");
            assert!(call.int("outlay.cost.picousd").unwrap() >= ANSWER_COST, "{case}");
            assert!(call.has("error.type"), "{case}");
        }
    }
}

#[tokio::test]
async fn a_retried_truncated_body_adds_its_bound() {
    let h = Harness::new().await;
    h.sim.push(answer().fault(Fault::ResetAt(0))).push(answer());
    let task = h.outlay.task("t").start();
    let result = task.run(haiku(&h.client).send()).await;
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("outlay.cost.status"), Some("bounded"), "{result:?}");
    if result.is_ok() {
        assert_eq!(call.int("outlay.cost.picousd"), Some(ANSWER_COST + BOUND));
    }
    assert_eq!(task.totals().cost().status(), CostStatus::Bounded);
}

#[tokio::test]
async fn an_answer_that_the_sdk_cannot_parse_is_counted() {
    let body =
        r#"{"output":7,"stopReason":"end_turn","usage":{"inputTokens":1000,"outputTokens":200,"totalTokens":1200}}"#;
    let h = Harness::new().await;
    h.sim.push_times(3, Reply::bytes("application/json", body));
    let task = h.outlay.task("t").start();
    let result = task.run(haiku(&h.client).send()).await;
    assert!(result.is_err(), "{result:?}");
    let requests = h.sim.requests().len();
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert!(call.int("outlay.cost.picousd").unwrap() >= ANSWER_COST * i64::try_from(requests).unwrap());
    assert!(call.is_error());
    assert_eq!(task.totals().failed_calls(), 1);
}
