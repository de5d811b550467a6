//! What is told of attempts, and when.

use bedrock_sim::{ErrorKind, Operation, Reply};
use outlay::{AttemptSpans, Outcome};
use outlay_tests::{HAIKU, Harness, call_spans, haiku, stream_whole};

use super::{WHOLE, answer, attempts};

#[tokio::test]
async fn a_throttle_that_the_sdk_retries_leaves_call_and_task_ok() {
    for operation in [Operation::Converse, Operation::ConverseStream] {
        let h = Harness::new().await;
        h.sim.push(Reply::throttled()).push(answer());
        let task = h.outlay.task("t").conversation("c-1").start();
        task.run(async {
            match operation {
                Operation::Converse => drop(haiku(&h.client).send().await.unwrap()),
                _ => assert_eq!(stream_whole(&h.client, operation, HAIKU).await.error, None),
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
        assert_eq!(call.int("outlay.cost.picousd"), Some(WHOLE));
        assert_eq!(call.text("outlay.cost.status"), Some("exact"), "a throttle weakens no status");
        let ids: Vec<_> = h.sim.requests().into_iter().map(|request| request.request_id).collect();
        assert_eq!(call.text("aws.request_id"), Some(&*ids[1]));
        let attempts = attempts(&spans, call);
        assert_eq!(attempts.len(), 2);
        let statuses: Vec<_> = attempts.iter().map(|a| a.int("http.response.status_code")).collect();
        assert_eq!(statuses, [Some(429), Some(200)]);
        let told_ids: Vec<_> = attempts.iter().filter_map(|a| a.text("aws.request_id")).collect();
        assert_eq!(told_ids, ids);
        assert_eq!(attempts[0].text("error.type"), Some("ThrottlingException"));
        assert!(attempts[0].is_error());
        assert!(!attempts[1].has("error.type") && !attempts[1].is_error());
        assert!(attempts[0].data().end_time <= attempts[1].data().start_time);
    }
}

#[tokio::test]
async fn attempts_that_are_all_refused_cost_nothing_and_the_call_has_failed() {
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
                    _ => assert!(stream_whole(&h.client, operation, HAIKU).await.error.is_some()),
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
async fn each_kind_of_error_goes_by_its_own_name() {
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
async fn an_error_name_that_is_no_name_is_not_told() {
    let long = "x".repeat(3_000);
    for name in ["has spaces and\tsecrets", &long, "", "#:", "arn:aws:iam::1:user/x#"] {
        let h = Harness::new().await;
        h.sim.push(Reply::status(400_u16.try_into().unwrap()).header("x-amzn-errortype", name));
        let task = h.outlay.task("t").start();
        task.run(haiku(&h.client).send()).await.unwrap_err();
        let spans = h.spans();
        let told = call_spans(&spans)[0].text("error.type").unwrap();
        assert!(told.len() <= 64 && told.chars().all(|c| c.is_ascii_alphanumeric()), "{told}");
    }
}

#[tokio::test]
async fn attempt_spans_are_written_as_the_builder_says() {
    for (which, of_plain, of_retried, of_failed) in
        [(AttemptSpans::Notable, 0, 2, 1), (AttemptSpans::All, 1, 2, 1), (AttemptSpans::Never, 0, 0, 0)]
    {
        let replies: [(&[Reply], usize); 3] = [
            (&[answer().into()], of_plain),
            (&[Reply::throttled(), answer().into()], of_retried),
            (&[Reply::error(ErrorKind::Validation)], of_failed),
        ];
        for (replies, count) in replies {
            let h = Harness::with(|builder| builder.attempt_spans(which)).await;
            for reply in replies {
                h.sim.push(reply.clone());
            }
            let task = h.outlay.task("t").start();
            drop(task.run(haiku(&h.client).send()).await);
            let report = task.finish(Outcome::success());
            assert_eq!(report.totals().attempts(), replies.len() as u64);
            let spans = h.spans();
            assert_eq!(attempts(&spans, call_spans(&spans)[0]).len(), count, "{which:?}, {replies:?}");
        }
    }
}

#[tokio::test]
async fn attempts_without_a_span_leave_no_parent_missing() {
    let h = Harness::with(|builder| builder.attempt_spans(AttemptSpans::All)).await;
    for reply in [Reply::throttled(), answer().into()] {
        h.sim.push(reply);
    }
    // Outside any task.
    haiku(&h.client).send().await.unwrap();
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(attempts(&spans, call_spans(&spans)[0]).len(), 2);
    assert_eq!(call_spans(&spans)[0].text("outlay.task.name"), Some("unattributed"));
    assert_eq!(h.outlay.unattributed().attempts(), 2);
}
