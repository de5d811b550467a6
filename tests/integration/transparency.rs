//! With and without metering the application gets the same bytes, types, errors and order, and sends the same requests.

use std::future::Future;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{
    InferenceConfiguration, PerformanceConfigLatency, PerformanceConfiguration, ServiceTier, ServiceTierType,
};
use bedrock_sim::{ErrorKind, Fault, Message, Operation, Recorded, Reply, Tokens};
use outlay::Outcome;
use outlay::bedrock::DroppedStream;
use outlay::otel::AttemptSpans;
use outlay_tests::{HAIKU, Harness, StreamRead, Streamed, converse, invoke};
use serde_json::json;

const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";
const UNPRICED: &str = "vendor.unpriced-v1:0";

/// Request headers that differ between any two requests.
const VOLATILE: [&str; 5] = ["amz-sdk-invocation-id", "x-amz-date", "authorization", "amz-sdk-request", "user-agent"];

/// What the application read in one call, and the requests that the server received.
#[derive(Debug, PartialEq)]
struct Observed {
    read: StreamRead,
    requests: Vec<String>,
}

fn message() -> Message {
    Reply::message().text("a word or two").deltas(3).usage(Tokens::new(1_000, 53).cache_read(8).cache_write_1h(4))
}

/// Returns the cases: the simulator's replies to each attempt of a call.
fn replies() -> Vec<Vec<Reply>> {
    let tools = message().reasoning("let me think").tool_use("t-1", "search", json!({"q": "é\u{1F600}\\\""}));
    let mut replies: Vec<Vec<Reply>> = vec![
        vec![message().into()],
        vec![tools.clone().into()],
        vec![tools.split(7)],
        vec![message().service_tier("flex").latency_mode("optimized").trace(json!({"a": [1]})).into()],
        vec![message().without_usage().into()],
        vec![message().without_token_headers()],
        vec![Reply::message().usage(Tokens::new(0, 0)).into()],
        vec![message().text("x".repeat(40_000)).split(16_384)],
        vec![message().header("x-amzn-bedrock-input-token-count", "many")],
        vec![Reply::throttled(), message().into()],
        vec![Reply::reset(), message().into()],
        vec![Reply::reset_after_headers(), message().into()],
        vec![Reply::status(502_u16.try_into().expect("a status")), Reply::throttled(), message().into()],
        vec![Reply::throttled(); 3],
        vec![Reply::reset(); 3],
        vec![Reply::json(json!({"usage": {"inputTokens": "9"}, "output": 7}))],
        vec![Reply::json(json!([]))],
        vec![Reply::bytes("application/json", "not json")],
        vec![Reply::bytes("application/octet-stream", "\0\x01\u{fffd}")],
        vec![Reply::bytes("text/plain", "")],
        vec![Reply::events([("messageStart", json!({"role": "assistant"})), ("newEvent", json!({"a": 1}))])],
        vec![Reply::chunks([json!({"any": "thing"}), json!([1, 2]), json!(null)])],
    ];
    replies.extend(ErrorKind::ALL.map(|kind| vec![Reply::error_saying(kind, "because"); 3]));
    let faults = [
        Fault::NoMetadata,
        Fault::TruncateAfterFrames(0),
        Fault::TruncateAfterFrames(3),
        Fault::TruncateInFrame(0, 9),
        Fault::TruncateInFrame(3, 9),
        Fault::CorruptFrame(0),
        Fault::CorruptFrame(3),
        Fault::CorruptPrelude(2),
        Fault::ErrorFrameAt(0),
        Fault::ErrorFrameAt(2),
        Fault::ResetAt(0),
        Fault::ResetAt(2),
    ];
    replies.extend(faults.map(|fault| vec![message().fault(fault); 3]));
    for kind in ErrorKind::ALL {
        replies.extend([0, 2].map(|at| vec![message().fault(Fault::ExceptionAt(at, kind)); 3]));
    }
    replies
}

/// Sends one call and returns everything that the application can observe of it.
async fn ask(client: &Client, operation: Operation, model: &str) -> StreamRead {
    let one = |text: String, ok: bool| {
        if ok {
            StreamRead { events: vec![text], error: None }
        } else {
            StreamRead { events: Vec::new(), error: Some(text) }
        }
    };
    match operation {
        Operation::Converse => {
            let tier = ServiceTier::builder().r#type(ServiceTierType::Flex).build().expect("its type is set");
            let latency = PerformanceConfiguration::builder().latency(PerformanceConfigLatency::Standard).build();
            let limits = InferenceConfiguration::builder().max_tokens(77).temperature(0.7).build();
            let request =
                converse(client, model).service_tier(tier).performance_config(latency).inference_config(limits);
            let response = request.send().await;
            one(format!("{response:?}"), response.is_ok())
        }
        Operation::InvokeModel => {
            let response = invoke(client, model).send().await;
            let body = response.as_ref().ok().map(|out| out.body().as_ref().to_vec());
            one(format!("{response:?} {body:?}"), response.is_ok())
        }
        _ => match Streamed::open(client, operation, model).await {
            Ok(mut stream) => stream.read(usize::MAX).await,
            Err(error) => StreamRead { events: Vec::new(), error: Some(error) },
        },
    }
}

fn text_of(request: &Recorded) -> String {
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| !VOLATILE.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let Recorded { operation, model_id, body, .. } = request;
    format!("{operation} {model_id} {headers:?} {body:?}")
}

/// Makes one call and returns its observations. Ports, request ids and dates, which may differ, are replaced or removed.
async fn observe(h: &Harness, replies: &[Reply], call: impl Future<Output = StreamRead>) -> Observed {
    h.sim.take_requests();
    for reply in replies {
        h.sim.push(reply.clone());
    }
    let mut read = call.await;
    let requests: Vec<_> = h.sim.take_requests();
    let port = h.sim.address().port().to_string();
    let normalize = |text: &str| {
        let text = requests.iter().fold(text.replace(&port, "PORT"), |text, r| text.replace(&r.request_id, "REQUEST"));
        without_dates(&text)
    };
    read.events = read.events.iter().map(|text| normalize(text)).collect();
    read.error = read.error.as_deref().map(normalize);
    let requests = requests.iter().map(|request| text_of(request).replace(&port, "PORT")).collect();
    // Use up the replies that no attempt has requested, so that the next call does not get them.
    while h.sim.pending() > 0 {
        drop(converse(&h.bare_client(), HAIKU).send().await);
    }
    Observed { read, requests }
}

/// Removes the values of the `date` header.
fn without_dates(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" GMT\"") {
        let start = rest[..at].rfind('"').unwrap_or(at);
        out.push_str(&rest[..start]);
        rest = &rest[at + 5..];
    }
    out + rest
}

async fn check(operation: Operation) {
    let h = Harness::with(|b| b.attempt_spans(AttemptSpans::All).on_dropped_stream(DroppedStream::Drain)).await;
    let bare = h.bare_client();
    for (model, cases) in [(HAIKU, usize::MAX), (LLAMA, 16), (UNPRICED, 16)] {
        for replies in replies().into_iter().take(cases) {
            let case = format!("{operation} {model} {replies:?}");
            let plain = observe(&h, &replies, ask(&bare, operation, model)).await;
            let outside = observe(&h, &replies, ask(&h.client, operation, model)).await;
            assert_eq!(outside, plain, "{case}, outside any task");
            let task = h.outlay.task("t").start();
            let inside = task.run(in_scopes(ask(&h.client, operation, model)));
            let inside = observe(&h, &replies, inside).await;
            assert_eq!(inside, plain, "{case}, in a task");
            assert_eq!(plain.requests.len() as u64, task.totals().attempts(), "{case}");
            assert_eq!(task.finish(Outcome::success()).totals().pending_calls(), 0, "{case}");
        }
    }
    h.spans().assert_conserved();
}

#[tokio::test]
async fn converse_is_the_same_with_and_without_metering() {
    check(Operation::Converse).await;
}

#[tokio::test]
async fn converse_stream_is_the_same_with_and_without_metering() {
    check(Operation::ConverseStream).await;
}

#[tokio::test]
async fn invoke_model_is_the_same_with_and_without_metering() {
    check(Operation::InvokeModel).await;
}

#[tokio::test]
async fn invoke_model_with_response_stream_is_the_same_with_and_without_metering() {
    check(Operation::InvokeModelWithResponseStream).await;
}

/// Runs a call inside several scopes.
async fn in_scopes<T>(call: impl Future<Output = T>) -> T {
    outlay::agent("a").run(outlay::retry(2).run(outlay::tool("x").run(call))).await
}

#[tokio::test]
async fn a_metered_client_keeps_its_configuration() {
    let h = Harness::new().await;
    let (bare, metered) = (h.bare_client(), &h.client);
    assert_eq!(bare.config().region(), metered.config().region());
    assert_eq!(
        bare.config().retry_config().map(|r| r.max_attempts()),
        metered.config().retry_config().map(|r| r.max_attempts())
    );
    assert_eq!(format!("{:?}", bare.config().timeout_config()), format!("{:?}", metered.config().timeout_config()));
}
