use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bedrock_sim::{Operation, Reply, render};
use bytes::Bytes;
use http_body::Frame;

/// Returns a client that uses `connector` instead of a network.
pub fn client(connector: Replay) -> Client {
    let connector = SharedHttpConnector::new(connector);
    let config = aws_sdk_bedrockruntime::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://bedrock.invalid")
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "bench"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    Client::from_conf(config)
}

/// Returns an STS client that always reports `arn`, without a network.
pub fn sts(arn: &str) -> aws_sdk_sts::Client {
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    );
    let chunks = vec![Bytes::from(body)].into();
    let connector = SharedHttpConnector::new(Replay { status: 200, headers: Vec::new(), chunks, is_whole: true });
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

/// An HTTP connector that answers every request with the same reply.
#[derive(Clone, Debug)]
pub struct Replay {
    status: u16,
    headers: Vec<(String, String)>,
    chunks: Arc<[Bytes]>,
    is_whole: bool,
}

/// How a body is delivered.
#[derive(Clone, Copy, Debug)]
pub enum Chunks {
    /// In one piece, in memory.
    Whole,
    /// Streamed in chunks of this number of bytes.
    Of(usize),
}

/// Returns a connector that answers with `reply`.
pub fn replay(reply: &Reply, operation: Operation, model: &str, chunks: Chunks) -> Replay {
    let rendered = render(reply, operation, model);
    let body = rendered.body();
    let (chunks, is_whole) = match chunks {
        Chunks::Whole => (vec![body], true),
        Chunks::Of(size) => {
            ((0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect(), false)
        }
    };
    let headers = rendered
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Replay { status: rendered.status.as_u16(), headers: headers.collect(), chunks: chunks.into(), is_whole }
}

impl HttpConnector for Replay {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = if self.is_whole {
            SdkBody::from(self.chunks.first().cloned().unwrap_or_default())
        } else {
            SdkBody::from_body_1_x(ChunkedBody(self.chunks.iter().cloned().collect()))
        };
        let response = response.body(body).expect("the rendered head is valid");
        HttpConnectorFuture::ready(Ok(response.try_into().expect("the rendered head is valid")))
    }
}

struct ChunkedBody(VecDeque<Bytes>);

impl http_body::Body for ChunkedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}
