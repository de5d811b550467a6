//! Endings that the other side or the network brings about.

use bedrock_sim::{ErrorKind, Fault, Operation, Reply};
use outlay_tests::{HAIKU, HELLO, Harness, call_spans, stream_whole};

use super::{STREAMS, WHOLE, answer, settled_once};

/// What a call must be settled as.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Settled {
    /// To the last unit.
    Whole,
    /// Refused before any byte of an answer: $0, and no weaker status.
    Free,
    /// From what was seen.
    Estimated,
    /// At no less than what it really cost.
    Bounded,
}

use Settled::{Bounded, Estimated, Free, Whole};

/// A fault, and how the call settles as ConverseStream and as InvokeModelWithResponseStream.
type Case = (Fault, Settled, Settled);

const CASES: [Case; 34] = [
    (Fault::NoMetadata, Estimated, Whole),
    (Fault::TruncateAfterFrames(0), Bounded, Bounded),
    (Fault::TruncateAfterFrames(1), Bounded, Bounded),
    (Fault::TruncateAfterFrames(5), Bounded, Bounded),
    (Fault::TruncateAfterFrames(6), Estimated, Bounded),
    (Fault::TruncateAfterFrames(7), Whole, Whole),
    (Fault::TruncateAfterFrames(8), Whole, Whole),
    (Fault::TruncateInFrame(0, 3), Bounded, Bounded),
    (Fault::TruncateInFrame(0, 20), Bounded, Bounded),
    (Fault::TruncateInFrame(3, 11), Bounded, Bounded),
    (Fault::TruncateInFrame(6, 20), Bounded, Bounded),
    (Fault::TruncateInFrame(7, 20), Whole, Whole),
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
    (Fault::ExceptionAt(8, ErrorKind::InternalServer), Whole, Whole),
    (Fault::ErrorFrameAt(0), Free, Free),
    (Fault::ErrorFrameAt(3), Bounded, Bounded),
    (Fault::ResetAt(0), Bounded, Bounded),
    (Fault::ResetAt(3), Bounded, Bounded),
    (Fault::ResetAt(8), Whole, Whole),
];

async fn check(case: &str, reply: Reply, operation: Operation, expected: Settled) {
    let h = Harness::new().await;
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    let got = task.run(stream_whole(&h.client, operation, HAIKU)).await;
    let (spans, totals) = settled_once(case, &h, &task).await;
    let call = call_spans(&spans)[0];
    let picos = call.int("outlay.cost.picousd").unwrap_or(-1);
    let status = call.text("outlay.cost.status").unwrap_or_default();
    match expected {
        Whole => assert_eq!((picos, status), (WHOLE, "exact"), "{case}"),
        Free => assert_eq!((picos, status), (0, "exact"), "{case}"),
        Estimated => {
            assert_eq!(status, "estimated", "{case}");
            assert!(picos > 0, "{case}: {picos}");
        }
        Bounded => {
            assert_eq!(status, "bounded", "{case}");
            assert!(picos >= WHOLE, "{case}: {picos} is no bound of {WHOLE}");
        }
    }
    // The call has failed exactly where the application got an error.
    assert_eq!(call.has("error.type"), got.error.is_some(), "{case}: the application got {:?}", got.error);
    assert_eq!(call.is_error(), got.error.is_some(), "{case}");
    assert_eq!(totals.failed_calls(), u64::from(got.error.is_some()), "{case}");
}

#[tokio::test]
async fn every_fault_settles_once_at_what_is_known_of_it() {
    for (fault, converse, invoke) in CASES {
        for (operation, expected) in STREAMS.into_iter().zip([converse, invoke]) {
            check(&format!("{operation} {fault:?}"), answer().fault(fault), operation, expected).await;
        }
    }
}

#[tokio::test]
async fn a_whole_stream_is_exact_however_its_bytes_are_cut() {
    for operation in STREAMS {
        for bytes in [1, 7, 11, 12, 13, 180, 16 * 1024] {
            check(&format!("{operation} in pieces of {bytes}"), answer().split(bytes), operation, Whole).await;
        }
    }
}

#[tokio::test]
async fn a_broken_stream_is_told_however_its_bytes_are_cut() {
    for operation in STREAMS {
        for bytes in [1, 7, 180] {
            for (fault, expected) in [
                (Fault::CorruptFrame(3), Bounded),
                (Fault::TruncateInFrame(3, 30), Bounded),
                (Fault::ExceptionAt(0, ErrorKind::Throttling), Free),
                (Fault::ExceptionAt(4, ErrorKind::ModelStreamError), Bounded),
            ] {
                let reply = answer().split(bytes).fault(fault);
                check(&format!("{operation} {fault:?} in pieces of {bytes}"), reply, operation, expected).await;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_no_event_stream_is_bounded() {
    for operation in STREAMS {
        for body in ["", "{}", "<html>busy</html>", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
            let reply = Reply::bytes("application/json", body);
            check(&format!("{operation} {body:?}"), reply, operation, Bounded).await;
        }
    }
}

#[tokio::test]
async fn a_long_stream_in_large_pieces_is_exact() {
    for operation in STREAMS {
        let long = answer().text("x".repeat(20_000)).deltas(3).split(16 * 1024);
        check(&format!("{operation}, long"), long, operation, Whole).await;
    }
}

#[tokio::test]
async fn a_bound_is_the_prompt_s_bytes_and_the_output_that_was_allowed() {
    let h = Harness::new().await;
    h.sim.push(answer().fault(Fault::TruncateAfterFrames(1)));
    let task = h.outlay.task("t").start();
    task.run(stream_whole(&h.client, Operation::ConverseStream, HAIKU)).await;
    let (spans, _) = settled_once("bound", &h, &task).await;
    // No maximum was set: 4,096 tokens are assumed.
    let bound = HELLO * 1_100_000 + 4_096 * 5_500_000;
    assert_eq!(call_spans(&spans)[0].int("outlay.cost.picousd"), Some(bound));
}
