//! An HTTP client that exposes the raw response.

use aws_smithy_eventstream::error::Error;
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use outlay_bedrock_sim::{BedrockSim, Operation};
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// A client with one connection that is kept alive over several requests.
pub(crate) struct Client {
    sender: http1::SendRequest<Full<Bytes>>,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body in the chunks that it was received in.
    pub(crate) pieces: Vec<Bytes>,
    /// Whether the body ended normally.
    pub(crate) end: Result<(), hyper::Error>,
}

impl Client {
    pub(crate) async fn connect(bedrock: &BedrockSim) -> Self {
        let stream = TcpStream::connect(bedrock.address()).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Result<Answer, hyper::Error> {
        let body = Full::new(Bytes::from(body.to_owned()));
        let request = Request::post(path).header("host", "localhost").body(body).unwrap();
        let (head, mut body) = self.sender.send_request(request).await?.into_parts();
        let mut pieces = Vec::new();
        let end = loop {
            match body.frame().await {
                Some(Ok(frame)) => pieces.push(frame.into_data().unwrap()),
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        Ok(Answer { status: head.status, headers: head.headers, pieces, end })
    }

    pub(crate) async fn ask(&mut self, operation: Operation, model_id: &str) -> Answer {
        self.try_to_ask(operation, model_id).await.unwrap()
    }

    pub(crate) async fn try_to_ask(&mut self, operation: Operation, model_id: &str) -> Result<Answer, hyper::Error> {
        let last = match operation {
            Operation::Converse => "converse",
            Operation::ConverseStream => "converse-stream",
            Operation::InvokeModel => "invoke",
            _ => "invoke-with-response-stream",
        };
        self.post(&format!("/model/{model_id}/{last}"), "{}").await
    }
}

/// Sends one request on a new connection.
pub(crate) async fn ask(bedrock: &BedrockSim, operation: Operation) -> Answer {
    Client::connect(bedrock).await.ask(operation, HAIKU).await
}

impl Answer {
    pub(crate) fn body(&self) -> Bytes {
        self.pieces.iter().flatten().copied().collect::<BytesMut>().freeze()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        let (messages, error) = decode([self.body()]);
        assert!(error.is_none(), "{error:?}");
        messages
    }
}

/// Decodes all messages up to the first error.
pub(crate) fn decode(pieces: impl IntoIterator<Item = Bytes>) -> (Vec<Message>, Option<Error>) {
    let mut decoder = MessageFrameDecoder::new();
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(&piece);
        loop {
            match decoder.decode_frame(&mut buffer) {
                Ok(DecodedFrame::Complete(message)) => messages.push(message),
                Ok(DecodedFrame::Incomplete) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

pub(crate) fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
    Some(header.value().as_string().unwrap().as_str())
}

pub(crate) fn payload(message: &Message) -> Value {
    serde_json::from_slice(message.payload()).unwrap()
}

/// Returns the native JSON of a `chunk` event.
pub(crate) fn native(message: &Message) -> Value {
    assert_eq!(header(message, ":event-type"), Some("chunk"));
    let bytes = STANDARD.decode(payload(message)["bytes"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
