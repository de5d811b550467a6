use std::fmt::Debug;
use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamOutput;
use aws_sdk_bedrockruntime::operation::invoke_model::builders::InvokeModelFluentBuilder;
use aws_sdk_bedrockruntime::operation::invoke_model_with_response_stream::InvokeModelWithResponseStreamOutput;
use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_sim::Operation;

use crate::exported_spans::{Span, Spans};
use crate::harness::user;

/// An InvokeModel body that allows 200 tokens of output.
pub const NATIVE_BODY: &str = r#"{"max_tokens":200,"messages":[{"role":"user","content":"hello"}]}"#;

/// A streamed answer of either streaming operation.
#[allow(missing_debug_implementations)]
pub enum Streamed {
    /// The answer of ConverseStream.
    Converse(Box<ConverseStreamOutput>),
    /// The answer of InvokeModelWithResponseStream.
    Invoke(Box<InvokeModelWithResponseStreamOutput>),
}

/// The events and the error that the application read from a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamRead {
    /// The debug text of each event, in order.
    pub events: Vec<String>,
    /// The debug text of the error that ended the stream or replaced it.
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
        let debug = |error: &dyn Debug| format!("{error:?}");
        if operation == Operation::ConverseStream {
            let response = client.converse_stream().model_id(model).messages(user(text)).send().await;
            return response.map(|out| Self::Converse(Box::new(out))).map_err(|error| debug(&error));
        }
        let body = Blob::new(NATIVE_BODY.replace("hello", text));
        let response = client.invoke_model_with_response_stream().model_id(model).body(body).send().await;
        response.map(|out| Self::Invoke(Box::new(out))).map_err(|error| debug(&error))
    }

    /// Returns the debug text of the next event.
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

    /// Reads at most `at_most` events.
    pub async fn read(&mut self, at_most: usize) -> StreamRead {
        let mut read = StreamRead::default();
        while read.events.len() < at_most {
            match self.next().await {
                Ok(Some(event)) => read.events.push(event),
                Ok(None) => break,
                Err(error) => {
                    read.error = Some(error);
                    break;
                }
            }
        }
        read
    }
}

/// Requests a stream and reads it to the end.
pub async fn read_stream(client: &Client, operation: Operation, model: &str) -> StreamRead {
    match Streamed::open(client, operation, model).await {
        Ok(mut stream) => stream.read(usize::MAX).await,
        Err(error) => StreamRead { events: Vec::new(), error: Some(error) },
    }
}

/// Returns an InvokeModel request with a short message.
pub fn invoke(client: &Client, model: &str) -> InvokeModelFluentBuilder {
    client.invoke_model().model_id(model).body(Blob::new(NATIVE_BODY))
}

/// Returns the spans of model calls.
pub fn call_spans(spans: &Spans) -> Vec<&Span> {
    spans.iter().filter(|span| span.has("gen_ai.provider.name")).collect()
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not hold within ten seconds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10), "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
