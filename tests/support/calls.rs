use std::fmt::Debug;
use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamOutput;
use aws_sdk_bedrockruntime::operation::invoke_model::builders::InvokeModelFluentBuilder;
use aws_sdk_bedrockruntime::operation::invoke_model_with_response_stream::InvokeModelWithResponseStreamOutput;
use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_sim::Operation;

use crate::harness::user;
use crate::spans::{Span, Spans};

/// An InvokeModel body that allows 200 tokens of output.
pub const NATIVE_BODY: &str = r#"{"max_tokens":200,"messages":[{"role":"user","content":"hello"}]}"#;

/// A streamed answer of either operation.
#[allow(missing_debug_implementations)]
pub enum Streamed {
    /// Of ConverseStream.
    Converse(Box<ConverseStreamOutput>),
    /// Of InvokeModelWithResponseStream.
    Invoke(Box<InvokeModelWithResponseStreamOutput>),
}

/// What the application got of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Got {
    /// The debug text of each event, in order.
    pub events: Vec<String>,
    /// The debug text of the error that ended it, or that came in its place.
    pub error: Option<String>,
}

impl Streamed {
    /// Sends a request with one short message.
    ///
    /// # Errors
    ///
    /// The debug text of the SDK's error.
    pub async fn open(client: &Client, operation: Operation, model: &str) -> Result<Self, String> {
        Self::ask(client, operation, model, "hello").await
    }

    /// Sends a request with this message.
    ///
    /// # Errors
    ///
    /// The debug text of the SDK's error.
    pub async fn ask(client: &Client, operation: Operation, model: &str, text: &str) -> Result<Self, String> {
        let told = |error: &dyn Debug| format!("{error:?}");
        if operation == Operation::ConverseStream {
            let sent = client.converse_stream().model_id(model).messages(user(text)).send().await;
            return sent.map(|out| Self::Converse(Box::new(out))).map_err(|error| told(&error));
        }
        let body = Blob::new(NATIVE_BODY.replace("hello", text));
        let sent = client.invoke_model_with_response_stream().model_id(model).body(body).send().await;
        sent.map(|out| Self::Invoke(Box::new(out))).map_err(|error| told(&error))
    }

    /// The next event's debug text.
    ///
    /// # Errors
    ///
    /// The debug text of the SDK's error.
    pub async fn next(&mut self) -> Result<Option<String>, String> {
        match self {
            Self::Converse(out) => {
                let event = out.stream.recv().await;
                event.map(|e| e.map(|e| format!("{e:?}"))).map_err(|e| format!("{e:?}"))
            }
            Self::Invoke(out) => {
                let event = out.body.recv().await;
                event.map(|e| e.map(|e| format!("{e:?}"))).map_err(|e| format!("{e:?}"))
            }
        }
    }

    /// Reads so many events, or up to the end.
    pub async fn read(&mut self, at_most: usize) -> Got {
        let mut got = Got::default();
        while got.events.len() < at_most {
            match self.next().await {
                Ok(Some(event)) => got.events.push(event),
                Ok(None) => break,
                Err(error) => {
                    got.error = Some(error);
                    break;
                }
            }
        }
        got
    }
}

/// Asks for a stream and reads all of it.
pub async fn stream_whole(client: &Client, operation: Operation, model: &str) -> Got {
    match Streamed::open(client, operation, model).await {
        Ok(mut stream) => stream.read(usize::MAX).await,
        Err(error) => Got { events: Vec::new(), error: Some(error) },
    }
}

/// An InvokeModel request with a short message.
pub fn invoke(client: &Client, model: &str) -> InvokeModelFluentBuilder {
    client.invoke_model().model_id(model).body(Blob::new(NATIVE_BODY))
}

/// The spans of model calls.
pub fn call_spans(spans: &Spans) -> Vec<&Span> {
    spans.iter().filter(|span| span.has("gen_ai.provider.name")).collect()
}

/// Waits until the condition holds.
///
/// # Panics
///
/// If it does not within ten seconds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never came to pass: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
