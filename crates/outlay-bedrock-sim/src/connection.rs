use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::operation::Operation;
use crate::recorded::Recorded;
use crate::render::render;
use crate::rendered::{Ending, Rendered};
use crate::reply_queues::ReplyQueues;
use crate::request_log::RequestLog;
use crate::scripted_body::{Aborted, ScriptedBody};
use crate::socket::{ResetFlag, Socket};

/// The largest accepted request body in bytes. Bedrock accepts less.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// One connection of a client.
pub(crate) struct Connection {
    number: u64,
    replies: Arc<ReplyQueues>,
    log: Arc<RequestLog>,
    reset: ResetFlag,
}

impl Connection {
    pub(crate) fn new(number: u64, replies: Arc<ReplyQueues>, log: Arc<RequestLog>) -> Self {
        Self { number, replies, log, reset: ResetFlag::default() }
    }

    pub(crate) async fn serve(self, stream: TcpStream) {
        // Otherwise a frame may wait until the previous one is acknowledged. Failure to set the option is harmless.
        let _ = stream.set_nodelay(true);
        let socket = Socket::new(stream, self.reset.clone());
        let service = service_fn(|request| self.answer(request));
        // An error means that the client disconnected or that the script resets the connection.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<ScriptedBody>, Aborted> {
        let (head, body) = request.into_parts();
        let Some((operation, resource)) = Operation::of_request(&head.method, head.uri.path()) else {
            let message = format!("bedrock-sim: no operation matches {} {}", head.method, head.uri.path());
            return Ok(rejection(StatusCode::NOT_FOUND, "UnknownOperationException", &message));
        };
        if operation == Operation::InvokeModelWithBidirectionalStream {
            return self.answer_session(resource, head.headers, body).await;
        }
        if body.size_hint().lower() > BODY_LIMIT as u64 {
            return Ok(too_large());
        }
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
            Err(_) => return Err(Aborted),
        };
        let model_id = match operation {
            Operation::StartAsyncInvoke => model_in_body(&body),
            _ => resource,
        };
        self.reply_to(&self.record(operation, model_id, head.headers, body)).await
    }

    /// Answers a speech session while its input arrives. The response ends when the input does.
    async fn answer_session(
        &self,
        model_id: String,
        headers: HeaderMap,
        body: Incoming,
    ) -> Result<Response<ScriptedBody>, Aborted> {
        let operation = Operation::InvokeModelWithBidirectionalStream;
        let request = self.record(operation, model_id, headers, Bytes::new());
        let (ended, input_ended) = oneshot::channel();
        let (log, order) = (Arc::clone(&self.log), request.order);
        tokio::spawn(async move {
            if let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await {
                log.set_body(order, body.to_bytes());
            }
            // Sending fails if the client has disconnected.
            let _ = ended.send(());
        });
        let mut response = self.reply_to(&request).await?;
        response.body_mut().wait_before_end(input_ended);
        Ok(response)
    }

    /// Records a request.
    fn record(&self, operation: Operation, model_id: String, headers: HeaderMap, body: Bytes) -> Recorded {
        self.log.record(|order| Recorded {
            operation,
            model_id,
            headers,
            body,
            connection: self.number,
            order,
            received: Instant::now(),
            request_id: request_id(order),
        })
    }

    /// Sends the next reply to a recorded request.
    async fn reply_to(&self, request: &Recorded) -> Result<Response<ScriptedBody>, Aborted> {
        let reply = self.replies.next_for(request);
        tokio::time::sleep(reply.timing.before_head).await;
        let Rendered { status, headers, frames, ending } = render(&reply, request.operation, &request.model_id);
        match ending {
            Ending::Silence => pending().await,
            Ending::ResetBeforeHead => {
                self.reset.request();
                return Err(Aborted);
            }
            Ending::Complete | Ending::Reset | Ending::Stall => {}
        }
        let body = ScriptedBody::new(frames, ending, reply.timing, reply.split, self.reset.clone());
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if let Ok(id) = HeaderValue::try_from(&request.request_id) {
            response.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        Ok(response)
    }
}

/// Returns the model id of StartAsyncInvoke, which is in the body instead of the path.
fn model_in_body(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["modelId"].as_str().unwrap_or_default().to_owned()
}

/// Returns a request id in the form of a UUID.
///
/// It is derived from the position of the request, so that the output of a test does not vary.
fn request_id(order: usize) -> String {
    format!("00000000-0000-4000-8000-{order:012x}")
}

fn too_large() -> Response<ScriptedBody> {
    let message = format!("bedrock-sim: the body is over {BODY_LIMIT} bytes");
    rejection(StatusCode::PAYLOAD_TOO_LARGE, "ValidationException", &message)
}

/// Returns the response to a request that cannot be scripted.
fn rejection(status: StatusCode, error_type: &'static str, message: &str) -> Response<ScriptedBody> {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = Response::new(ScriptedBody::whole(vec![Bytes::from(body)]));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(error_type));
    headers.insert(REQUEST_ID, HeaderValue::from_static("00000000-0000-4000-8000-ffffffffffff"));
    response
}
