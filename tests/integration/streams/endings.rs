//! Streams ended by the server or the network.

use bedrock_sim::{ErrorKind, Fault, Operation, Reply};
use outlay_tests::{HAIKU, HELLO_TOKENS, Harness, call_spans, read_stream};

use super::{ANSWER_COST, STREAMS, answer, settled_once};

/// How a call must settle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Settled {
    /// At its exact cost.
    Exact,
    /// At an exact cost of $0, because it was refused before any byte of an answer.
    Free,
    /// From the part that was received.
    Estimated,
    /// At no less than its actual cost.
    Bounded,
}

use Settled::{Bounded, Estimated, Exact, Free};

/// A fault, and how the call must settle as ConverseStream and as InvokeModelWithResponseStream.
type Case = (Fault, Settled, Settled);

const CASES: [Case; 34] = [
    (Fault::NoMetadata, Estimated, Exact),
    (Fault::TruncateAfterFrames(0), Bounded, Bounded),
    (Fault::TruncateAfterFrames(1), Bounded, Bounded),
    (Fault::TruncateAfterFrames(5), Bounded, Bounded),
    (Fault::TruncateAfterFrames(6), Estimated, Bounded),
    (Fault::TruncateAfterFrames(7), Exact, Exact),
    (Fault::TruncateAfterFrames(8), Exact, Exact),
    (Fault::TruncateInFrame(0, 3), Bounded, Bounded),
    (Fault::TruncateInFrame(0, 20), Bounded, Bounded),
    (Fault::TruncateInFrame(3, 11), Bounded, Bounded),
    (Fault::TruncateInFrame(6, 20), Bounded, Bounded),
    (Fault::TruncateInFrame(7, 20), Exact, Exact),
    (Fault::CorruptFrame(0), Bounded, Bounded),
    (Fault::CorruptFrame(2), Bounded, Bounded),
    (Fault::CorruptFrame(6), Bounded, Bounded),
    (Fault::CorruptPrelude(0), Bounded, Bounded),
    (Fault::CorruptPrelude(2), Bounded, Bounded),
    (Fault::ExceptionAt(0, ErrorKind::Throttling), Free, Free),
    (Fault::ExceptionAt(0, ErrorKind::Validation), Free, Free),
    (Fault::ExceptionAt(0, ErrorKind::ServiceUnavailable), Free, Free),
    (Fault::ExceptionAt(0, ErrorKind::ModelStreamError), Free, Free),
    (Fault::ExceptionAt(0, ErrorKind::InternalServer), Free, Free),
    (Fault::ExceptionAt(0, ErrorKind::ModelTimeout), Free, Free),
    (Fault::ExceptionAt(3, ErrorKind::Throttling), Bounded, Bounded),
    (Fault::ExceptionAt(3, ErrorKind::Validation), Bounded, Bounded),
    (Fault::ExceptionAt(3, ErrorKind::ModelStreamError), Bounded, Bounded),
    (Fault::ExceptionAt(3, ErrorKind::InternalServer), Bounded, Bounded),
    (Fault::ExceptionAt(3, ErrorKind::ServiceUnavailable), Bounded, Bounded),
    (Fault::ExceptionAt(8, ErrorKind::InternalServer), Exact, Exact),
    (Fault::ErrorFrameAt(0), Free, Free),
    (Fault::ErrorFrameAt(3), Bounded, Bounded),
    (Fault::ResetAt(0), Bounded, Bounded),
    (Fault::ResetAt(3), Bounded, Bounded),
    (Fault::ResetAt(8), Exact, Exact),
];

async fn check(case: &str, reply: Reply, operation: Operation, expected: Settled) {
    let h = Harness::new().await;
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    let read = task.run(read_stream(&h.client, operation, HAIKU)).await;
    let (spans, totals) = settled_once(case, &h, &task).await;
    let call = call_spans(&spans)[0];
    let picos = call.int("outlay.cost.picousd").unwrap_or(-1);
    let status = call.text("outlay.cost.status").unwrap_or_default();
    match expected {
        Exact => assert_eq!((picos, status), (ANSWER_COST, "exact"), "{case}"),
        Free => assert_eq!((picos, status), (0, "exact"), "{case}"),
        Estimated => {
            assert_eq!(status, "estimated", "{case}");
            assert!(picos > 0, "{case}: {picos}");
        }
        Bounded => {
            assert_eq!(status, "bounded", "{case}");
            assert!(picos >= ANSWER_COST, "{case}: {picos} is not a bound of {ANSWER_COST}");
        }
    }
    // The call has failed if and only if the application got an error.
    assert_eq!(call.has("error.type"), read.error.is_some(), "{case}: the application got {:?}", read.error);
    assert_eq!(call.is_error(), read.error.is_some(), "{case}");
    assert_eq!(totals.failed_calls(), u64::from(read.error.is_some()), "{case}");
}

#[tokio::test]
async fn every_fault_settles_once_with_its_expected_status() {
    for (fault, converse, invoke) in CASES {
        for (operation, expected) in STREAMS.into_iter().zip([converse, invoke]) {
            check(&format!("{operation} {fault:?}"), answer().fault(fault), operation, expected).await;
        }
    }
}

#[tokio::test]
async fn a_complete_stream_is_exact_for_any_chunk_size() {
    for operation in STREAMS {
        for bytes in [1, 7, 11, 12, 13, 180, 16 * 1024] {
            check(&format!("{operation} in chunks of {bytes}"), answer().split(bytes), operation, Exact).await;
        }
    }
}

#[tokio::test]
async fn a_broken_stream_is_detected_for_any_chunk_size() {
    for operation in STREAMS {
        for bytes in [1, 7, 180] {
            for (fault, expected) in [
                (Fault::CorruptFrame(3), Bounded),
                (Fault::TruncateInFrame(3, 30), Bounded),
                (Fault::ExceptionAt(0, ErrorKind::Throttling), Free),
                (Fault::ExceptionAt(4, ErrorKind::ModelStreamError), Bounded),
            ] {
                let reply = answer().split(bytes).fault(fault);
                check(&format!("{operation} {fault:?} in chunks of {bytes}"), reply, operation, expected).await;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_an_event_stream_is_bounded() {
    for operation in STREAMS {
        for body in ["", "{}", "<html>busy</html>", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
            let reply = Reply::bytes("application/json", body);
            check(&format!("{operation} {body:?}"), reply, operation, Bounded).await;
        }
    }
}

#[tokio::test]
async fn a_long_stream_in_large_chunks_is_exact() {
    for operation in STREAMS {
        let long = answer().text("x".repeat(20_000)).deltas(3).split(16 * 1024);
        check(&format!("{operation}, long"), long, operation, Exact).await;
    }
}

#[tokio::test]
async fn a_bound_is_the_prompt_bytes_and_the_assumed_output() {
    let h = Harness::new().await;
    h.sim.push(answer().fault(Fault::TruncateAfterFrames(1)));
    let task = h.outlay.task("t").start();
    task.run(read_stream(&h.client, Operation::ConverseStream, HAIKU)).await;
    let (spans, _) = settled_once("bound", &h, &task).await;
    // The call sets no maximum, so 4,096 tokens are assumed.
    let bound = HELLO_TOKENS * 1_100_000 + 4_096 * 5_500_000;
    assert_eq!(call_spans(&spans)[0].int("outlay.cost.picousd"), Some(bound));
}
