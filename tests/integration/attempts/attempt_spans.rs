//! Which attempts have spans, and the attributes of those spans.

use bedrock_sim::{ErrorKind, Operation, Reply};
use outlay::Outcome;
use outlay::otel::AttemptSpans;
use outlay_tests::{HAIKU, Harness, call_spans, haiku, read_stream};

use super::{ANSWER_COST, answer, attempts};

#[tokio::test]
async fn a_retried_throttle_leaves_the_call_and_the_task_successful() {
    for operation in [Operation::Converse, Operation::ConverseStream] {
        let h = Harness::new().await;
        h.sim.push(Reply::throttled()).push(answer());
        let task = h.outlay.task("t").conversation("c-1").start();
        task.run(async {
            match operation {
                Operation::Converse => drop(haiku(&h.client).send().await.unwrap()),
                _ => assert_eq!(read_stream(&h.client, operation, HAIKU).await.error, None),
            }
        })
        .await;
        let report = task.finish(Outcome::success());
        let totals = report.totals();
        assert_eq!((totals.calls(), totals.attempts(), totals.failed_calls()), (1, 2, 0), "{operation}");

        let spans = h.spans();
        spans.assert_conserved();
        let (root, call) = (spans.one("invoke_workflow t"), call_spans(&spans)[0]);
        assert!(!root.is_error() && !call.is_error(), "{operation}");
        assert!(!call.has("error.type"), "{operation}");
        assert_eq!(call.int("outlay.call.attempts"), Some(2));
        assert_eq!(call.int("outlay.cost.picousd"), Some(ANSWER_COST));
        assert_eq!(call.text("outlay.cost.status"), Some("exact"), "a throttle does not weaken the status");
        let ids: Vec<_> = h.sim.requests().into_iter().map(|request| request.request_id).collect();
        assert_eq!(call.text("aws.request_id"), Some(&*ids[1]));
        let attempts = attempts(&spans, call);
        assert_eq!(attempts.len(), 2);
        let statuses: Vec<_> = attempts.iter().map(|a| a.int("http.response.status_code")).collect();
        assert_eq!(statuses, [Some(429), Some(200)]);
        let span_ids: Vec<_> = attempts.iter().filter_map(|a| a.text("aws.request_id")).collect();
        assert_eq!(span_ids, ids);
        assert_eq!(attempts[0].text("error.type"), Some("ThrottlingException"));
        assert!(attempts[0].is_error());
        assert!(!attempts[1].has("error.type") && !attempts[1].is_error());
        assert!(attempts[0].data().end_time <= attempts[1].data().start_time);
    }
}

#[tokio::test]
async fn a_call_whose_attempts_all_fail_with_an_error_status_is_failed_and_free() {
    for (reply, count, error, status) in [
        (Reply::throttled(), 3, "ThrottlingException", 429),
        (Reply::error(ErrorKind::ServiceUnavailable), 3, "ServiceUnavailableException", 503),
        (Reply::error(ErrorKind::InternalServer), 3, "InternalServerException", 500),
        (Reply::error(ErrorKind::Validation), 1, "ValidationException", 400),
        (Reply::error(ErrorKind::AccessDenied), 1, "AccessDeniedException", 403),
        (Reply::error(ErrorKind::ResourceNotFound), 1, "ResourceNotFoundException", 404),
        (Reply::status(502_u16.try_into().unwrap()), 3, "502", 502),
        (Reply::status(418_u16.try_into().unwrap()), 1, "418", 418),
    ] {
        for operation in [Operation::Converse, Operation::ConverseStream] {
            let case = format!("{operation} {status}");
            let h = Harness::new().await;
            h.sim.push_times(count, reply.clone());
            let task = h.outlay.task("t").start();
            task.run(async {
                match operation {
                    Operation::Converse => drop(haiku(&h.client).send().await.unwrap_err()),
                    _ => assert!(read_stream(&h.client, operation, HAIKU).await.error.is_some()),
                }
            })
            .await;
            assert_eq!(h.sim.pending(), 0, "{case}");
            let report = task.finish(Outcome::success());
            let totals = report.totals();
            assert_eq!(totals.cost().to_string(), "$0.000000 exact", "{case}");
            assert_eq!((totals.calls(), totals.failed_calls()), (1, 1), "{case}");
            assert_eq!(totals.attempts(), count as u64, "{case}");
            let spans = h.spans();
            spans.assert_conserved();
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("error.type"), Some(error), "{case}");
            assert!(call.is_error(), "{case}");
            let attempts = attempts(&spans, call);
            assert_eq!(attempts.len(), count, "{case}");
            for attempt in attempts {
                assert_eq!(attempt.int("http.response.status_code"), Some(status), "{case}");
                assert_eq!(attempt.text("error.type"), Some(error), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn each_error_kind_is_reported_by_its_name() {
    for kind in ErrorKind::ALL {
        let h = Harness::new().await;
        h.sim.push_times(3, Reply::error(kind));
        let task = h.outlay.task("t").start();
        task.run(haiku(&h.client).send()).await.unwrap_err();
        let spans = h.spans();
        assert_eq!(call_spans(&spans)[0].text("error.type"), Some(kind.name()));
        assert_eq!(task.totals().cost().to_string(), "$0.000000 exact", "{kind:?}");
    }
}

#[tokio::test]
async fn an_invalid_error_name_is_not_reported() {
    let long = "x".repeat(3_000);
    for name in ["has spaces and\tsecrets", &long, "", "#:", "arn:aws:iam::1:user/x#"] {
        let h = Harness::new().await;
        h.sim.push(Reply::status(400_u16.try_into().unwrap()).header("x-amzn-errortype", name));
        let task = h.outlay.task("t").start();
        task.run(haiku(&h.client).send()).await.unwrap_err();
        let spans = h.spans();
        let error_type = call_spans(&spans)[0].text("error.type").unwrap();
        assert!(error_type.len() <= 64 && error_type.chars().all(|c| c.is_ascii_alphanumeric()), "{error_type}");
    }
}

#[tokio::test]
async fn the_builder_setting_selects_attempt_spans() {
    for (setting, plain, retried, failed) in
        [(AttemptSpans::Notable, 0, 2, 1), (AttemptSpans::All, 1, 2, 1), (AttemptSpans::Never, 0, 0, 0)]
    {
        let replies: [(&[Reply], usize); 3] = [
            (&[answer().into()], plain),
            (&[Reply::throttled(), answer().into()], retried),
            (&[Reply::error(ErrorKind::Validation)], failed),
        ];
        for (replies, count) in replies {
            let h = Harness::with(|builder| builder.attempt_spans(setting)).await;
            for reply in replies {
                h.sim.push(reply.clone());
            }
            let task = h.outlay.task("t").start();
            drop(task.run(haiku(&h.client).send()).await);
            let report = task.finish(Outcome::success());
            assert_eq!(report.totals().attempts(), replies.len() as u64);
            let spans = h.spans();
            assert_eq!(attempts(&spans, call_spans(&spans)[0]).len(), count, "{setting:?}, {replies:?}");
        }
    }
}

#[tokio::test]
async fn attempt_spans_of_a_call_outside_a_task_have_an_exported_parent() {
    let h = Harness::with(|builder| builder.attempt_spans(AttemptSpans::All)).await;
    for reply in [Reply::throttled(), answer().into()] {
        h.sim.push(reply);
    }
    // This call is outside any task.
    haiku(&h.client).send().await.unwrap();
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(attempts(&spans, call_spans(&spans)[0]).len(), 2);
    assert_eq!(call_spans(&spans)[0].text("outlay.task.name"), Some("unattributed"));
    assert_eq!(h.outlay.unattributed().attempts(), 2);
}
