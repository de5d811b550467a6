use std::io;
use std::time::Duration;

use outlay_bedrock_sim::{BedrockSim, ErrorKind, Fault, Operation, Reply};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Answer, Client, HAIKU, ask, decode, header, native, payload};

/// How long a test waits to see that something does not happen.
const A_WHILE: Duration = Duration::from_millis(150);

const REQUEST: &str = "POST /model/m/converse-stream HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";

/// Returns a stream with this fault.
///
/// Without a fault its events would be messageStart, three deltas, contentBlockStop, messageStop and metadata.
async fn broken(fault: Fault) -> Answer {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("abc").deltas(1).fault(fault));
    ask(&bedrock, Operation::ConverseStream).await
}

/// Sends a request on a raw socket and returns what it reads and how it ends.
async fn read_raw(bedrock: &BedrockSim) -> (Vec<u8>, io::Result<()>) {
    let mut stream = TcpStream::connect(bedrock.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(drop);
    (bytes, end)
}

fn events(answer: &Answer) -> Vec<String> {
    let messages = answer.messages();
    let name = |message| header(message, ":event-type").or_else(|| header(message, ":exception-type"));
    messages.iter().map(|message| name(message).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn no_metadata_omits_the_usage() {
    let answer = broken(Fault::NoMetadata).await;
    assert!(answer.end.is_ok());
    assert_eq!(events(&answer).last().unwrap(), "messageStop");

    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("abc").fault(Fault::NoMetadata));
    let messages = ask(&bedrock, Operation::InvokeModelWithResponseStream).await.messages();
    assert_eq!(native(messages.last().unwrap()), json!({"type": "message_stop"}));
}

#[tokio::test]
async fn a_truncated_stream_ends_normally() {
    let answer = broken(Fault::TruncateAfterFrames(3)).await;
    assert!(answer.end.is_ok());
    assert_eq!(events(&answer), ["messageStart", "contentBlockDelta", "contentBlockDelta"]);

    let none = broken(Fault::TruncateAfterFrames(0)).await;
    assert!(none.end.is_ok() && none.body().is_empty());

    let cut = broken(Fault::TruncateInFrame(1, 20)).await;
    assert!(cut.end.is_ok());
    assert_eq!(cut.pieces.last().unwrap().len(), 20);
    assert_eq!(events(&cut), ["messageStart"]);
}

#[tokio::test]
async fn corrupt_frames_have_wrong_checksums() {
    for (fault, complaint) in
        [(Fault::CorruptFrame(2), "message checksum"), (Fault::CorruptPrelude(2), "prelude checksum")]
    {
        let answer = broken(fault).await;
        assert!(answer.end.is_ok());
        let (messages, error) = decode(answer.pieces);
        assert_eq!(messages.len(), 2);
        let error = error.unwrap().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[tokio::test]
async fn an_exception_replaces_a_frame() {
    for n in [0, 2] {
        let answer = broken(Fault::ExceptionAt(n, ErrorKind::ModelStreamError)).await;
        assert_eq!(answer.status, 200);
        let messages = answer.messages();
        assert_eq!(messages.len(), n + 1);
        assert_eq!(header(&messages[n], ":message-type"), Some("exception"));
        assert_eq!(header(&messages[n], ":exception-type"), Some("modelStreamErrorException"));
        assert_eq!(header(&messages[n], ":content-type"), Some("application/json"));
        assert_eq!(payload(&messages[n])["originalStatusCode"], 500);
    }
}

#[tokio::test]
async fn an_error_frame_is_not_in_the_service_model() {
    let messages = broken(Fault::ErrorFrameAt(1)).await.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(header(&messages[1], ":message-type"), Some("error"));
    assert_eq!(header(&messages[1], ":error-code"), Some("InternalFailure"));
    assert!(header(&messages[1], ":error-message").is_some());
}

#[tokio::test]
async fn a_reset_within_a_stream_follows_the_earlier_frames() {
    let answer = broken(Fault::ResetAt(2)).await;
    assert!(answer.end.is_err());
    assert_eq!(events(&answer), ["messageStart", "contentBlockDelta"]);

    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("abc").fault(Fault::ResetAt(2)));
    let (bytes, end) = read_raw(&bedrock).await;
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK"));
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_reset_precedes_any_byte() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::reset());
    let (bytes, end) = read_raw(&bedrock).await;
    assert!(bytes.is_empty());
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    // The next connection is not affected.
    assert_eq!(ask(&bedrock, Operation::Converse).await.status, 200);
}

#[tokio::test]
async fn a_reset_after_headers_sends_no_body() {
    let bedrock = BedrockSim::start().await.unwrap();
    for operation in Operation::TURNS {
        bedrock.push(Reply::reset_after_headers());
        let answer = ask(&bedrock, operation).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body().is_empty() && answer.end.is_err(), "{operation}");
    }
    bedrock.push(Reply::reset_after_headers());
    let (bytes, end) = read_raw(&bedrock).await;
    assert!(bytes.ends_with(b"\r\n\r\n"));
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_stall_keeps_the_connection_open() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("abc").deltas(1).fault(Fault::StallAt(2)));
    let mut stream = TcpStream::connect(bedrock.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    assert!(timeout(A_WHILE, stream.read_to_end(&mut bytes)).await.is_err());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("messageStart") && text.contains("contentBlockDelta") && !text.contains("metadata"));
}

#[tokio::test]
async fn a_hanging_reply_sends_nothing() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::hang());
    assert!(timeout(A_WHILE, read_raw(&bedrock)).await.is_err());
    assert_eq!(bedrock.requests().len(), 1);
}

#[tokio::test]
async fn a_body_without_frames_can_be_truncated() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("abc").fault(Fault::TruncateInFrame(0, 10)));
    let answer = ask(&bedrock, Operation::Converse).await;
    assert_eq!(answer.body().len(), 10);
    assert!(answer.end.is_err());
}

#[tokio::test]
async fn a_body_without_frames_rejects_frame_faults() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    for fault in [Fault::CorruptFrame(0), Fault::ErrorFrameAt(0), Fault::ExceptionAt(0, ErrorKind::Throttling)] {
        bedrock.push(Reply::message().text("abc").fault(fault));
        assert_eq!(client.ask(Operation::Converse, HAIKU).await.status, 501);
    }
}
