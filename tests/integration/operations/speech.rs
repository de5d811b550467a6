//! Speech sessions. Both directions are metered, and each token is counted once.

use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::error::{
    InvokeModelWithBidirectionalStreamInputError, InvokeModelWithBidirectionalStreamOutputError,
};
use aws_sdk_bedrockruntime::types::{
    BidirectionalInputPayloadPart, InvokeModelWithBidirectionalStreamInput, InvokeModelWithBidirectionalStreamOutput,
};
use bedrock_sim::{ErrorKind, Fault, Reply};
use outlay::Usd;
use outlay_tests::{Harness, call_spans, eventually};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{cost, finished};

const SONIC: &str = "amazon.nova-2-sonic-v1:0";

type Events = EventReceiver<InvokeModelWithBidirectionalStreamOutput, InvokeModelWithBidirectionalStreamOutputError>;
type Input = Result<InvokeModelWithBidirectionalStreamInput, InvokeModelWithBidirectionalStreamInputError>;

/// Opens a session. Returns the sender of its input and its events. Dropping the sender ends the input.
async fn open(h: &Harness) -> (mpsc::UnboundedSender<Input>, Events) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let input = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let call = h.client.invoke_model_with_bidirectional_stream().model_id(SONIC).body(input.into());
    (sender, call.send().await.unwrap().body)
}

fn event(json: &Value) -> Input {
    let part = BidirectionalInputPayloadPart::builder().bytes(Blob::new(json.to_string())).build();
    Ok(InvokeModelWithBidirectionalStreamInput::Chunk(part))
}

fn usage(input: (u64, u64), output: (u64, u64)) -> Value {
    let tokens = |(speech, text)| json!({"speechTokens": speech, "textTokens": text});
    let total = json!({"input": tokens(input), "output": tokens(output)});
    json!({"event": {"usageEvent": {"completionId": "c", "details": {"delta": total, "total": total}}}})
}

fn audio(bytes: usize) -> Value {
    json!({"event": {"audioOutput": {"content": "A".repeat(bytes)}}})
}

/// Returns the price in pico-dollars. A million tokens cost $0.33 and $2.75 for text, $3 and $12 for speech.
fn price(input: (i64, i64), output: (i64, i64)) -> i64 {
    input.0 * 3_000_000 + input.1 * 330_000 + output.0 * 12_000_000 + output.1 * 2_750_000
}

#[tokio::test]
async fn the_last_totals_of_a_session_count_once() {
    let h = Harness::new().await;
    let last = usage((300, 40), (500, 60));
    h.sim.push(Reply::chunks([
        usage((100, 40), (0, 0)),
        audio(800),
        usage((200, 40), (250, 30)),
        last.clone(),
        // Repeated, and out of order.
        last,
        usage((100, 40), (0, 0)),
    ]));
    let task = h.outlay.task("t").start();
    task.run(async {
        let (input, mut events) = open(&h).await;
        input.send(event(&json!({"event": {"sessionStart": {}}}))).unwrap();
        input.send(event(&json!({"event": {"audioInput": {"content": "A".repeat(1_000)}}}))).unwrap();
        drop(input);
        let mut received = 0;
        while events.recv().await.unwrap().is_some() {
            received += 1;
        }
        assert_eq!(received, 6, "the application gets every event");
    })
    .await;
    let spans = finished(&h, &task);
    let call = spans.one(&format!("chat {SONIC}"));
    assert_eq!(cost(call), (Some(price((300, 40), (500, 60))), "exact"));
    assert_eq!(call.int("gen_ai.usage.input_tokens"), Some(340));
    assert_eq!(call.int("gen_ai.usage.output_tokens"), Some(560));
    assert_eq!(call.value("gen_ai.request.stream"), Some(&true.into()));
    let body = String::from_utf8_lossy(&h.sim.requests()[0].body).into_owned();
    assert!(body.contains(":chunk-signature"), "the input is sent signed and unchanged");
}

#[tokio::test]
async fn a_dropped_session_adds_a_bound_for_the_data_since_its_last_count() {
    let h = Harness::new().await;
    h.sim.push(Reply::chunks([usage((100, 40), (10, 5)), audio(4_000)]));
    let task = h.outlay.task("t").start();
    task.run(async {
        let (input, mut events) = open(&h).await;
        events.recv().await.unwrap();
        // Sent after the count: 40,000 bytes of audio with their framing are at most 101 tokens.
        input.send(event(&json!({"event": {"audioInput": {"content": "A".repeat(40_000)}}}))).unwrap();
        events.recv().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    })
    .await;
    eventually("the session settles", || task.totals().pending_calls() == 0).await;
    let spans = finished(&h, &task);
    let (picos, status) = cost(call_spans(&spans)[0]);
    assert_eq!(status, "bounded");
    let (least, most) = (price((200, 40), (20, 5)), price((202, 40), (21, 5)));
    assert!((Some(least)..=Some(most)).contains(&picos), "{picos:?} is not in {least}..={most}");
}

#[tokio::test]
async fn a_session_that_fails_is_bounded_and_a_throttled_one_costs_nothing() {
    let throttled = ErrorKind::Throttling;
    for (at, kind, expected) in [(2, ErrorKind::ModelStreamError, "bounded"), (0, throttled, "exact")] {
        let h = Harness::new().await;
        h.sim.push(Reply::chunks([usage((100, 40), (0, 0)), audio(400)]).fault(Fault::ExceptionAt(at, kind)));
        let task = h.outlay.task("t").start();
        task.run(async {
            let (_input, mut events) = open(&h).await;
            while let Ok(Some(_)) = events.recv().await {}
        })
        .await;
        let spans = finished(&h, &task);
        let call = call_spans(&spans)[0];
        let (picos, status) = cost(call);
        assert_eq!(status, expected);
        assert_eq!(picos > Some(0), expected == "bounded", "{picos:?}");
        assert!(call.is_error());
    }
}

#[tokio::test]
async fn a_session_without_counts_is_bounded_by_its_data() {
    let h = Harness::new().await;
    h.sim.push(Reply::chunks([audio(4_000)]));
    let task = h.outlay.task("t").start();
    task.run(async {
        let (input, mut events) = open(&h).await;
        input.send(event(&json!({"event": {"textInput": {"content": "hello"}}}))).unwrap();
        drop(input);
        while events.recv().await.unwrap().is_some() {}
    })
    .await;
    let spans = finished(&h, &task);
    let (picos, status) = cost(call_spans(&spans)[0]);
    assert_eq!(status, "bounded");
    assert!(picos > Some(price((0, 0), (10, 0))), "{picos:?}");
}

#[tokio::test]
async fn a_budget_reserves_the_assumed_output_for_a_session() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Usd::from_micros(10)).start();
    let input = futures_util::stream::empty();
    let call = h.client.invoke_model_with_bidirectional_stream().model_id(SONIC).body(input.into());
    let error = task.run(call.send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some(), "{error:?}");
    assert!(h.sim.requests().is_empty());
}
