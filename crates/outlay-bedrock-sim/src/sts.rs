//! A Security Token Service on loopback, in the AWS query protocol.

mod credentials;
mod sts_fault;
mod sts_request;
mod sts_response;
mod validation;

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::listener::{StartError, listen};
use credentials::IssuedCredentials;
use sts_response::StsResponse;

pub use sts_fault::StsFault;
pub use sts_request::{StsAction, StsRequest};

/// The largest accepted request body in bytes. Requests to STS are far smaller.
const BODY_LIMIT: usize = 1024 * 1024;

/// A simulator of the AWS Security Token Service on loopback.
///
/// Answers GetCallerIdentity, AssumeRole and AssumeRoleWithWebIdentity. The simulator stops when it is dropped.
///
/// Requests are checked against the limits of the real service, including the one-hour limit of role chaining. Issued
/// credentials are recognized in later requests. Signatures are not verified.
///
/// ```
/// use outlay_bedrock_sim::{StsAction, StsFault, StsSim};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let sts = StsSim::start().await?;
/// sts.know("AKIDEXAMPLE", "arn:aws:iam::123456789012:user/ana");
/// sts.push(StsAction::AssumeRole, StsFault::error(403, "AccessDenied", "not for you"));
/// assert!(sts.url().starts_with("http://127.0.0.1:"));
/// # Ok::<(), outlay_bedrock_sim::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StsSim {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    accepting: AbortHandle,
}

/// The state that the simulator shares with its connections.
#[derive(Debug, Default)]
struct State {
    credentials: IssuedCredentials,
    faults: HashMap<StsAction, VecDeque<StsFault>>,
    always: HashMap<StsAction, StsFault>,
    requests: Vec<StsRequest>,
}

impl StsSim {
    /// Starts a simulator on a free port of 127.0.0.1. It runs on the current tokio runtime.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a simulator on this address, which must be loopback.
    pub async fn start_on(address: SocketAddr) -> Result<Self, StartError> {
        let (listener, address) = listen(address).await?;
        let shared = Arc::<Mutex<State>>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, accepting })
    }

    /// Returns the endpoint URL to give to a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the ARN of the caller that signs with this access key.
    ///
    /// By default a key belongs to an IAM user with the name of the key.
    pub fn know(&self, access_key_id: &str, arn: &str) -> &Self {
        self.state().credentials.register(access_key_id, arn);
        self
    }

    /// Queues a fault for one request of this action. Faults apply in the order in which they are queued.
    pub fn push(&self, action: StsAction, fault: StsFault) -> &Self {
        self.state().faults.entry(action).or_default().push_back(fault);
        self
    }

    /// Sets the fault of every request of this action that has no queued fault.
    ///
    /// With `None`, such requests are answered again.
    pub fn always(&self, action: StsAction, fault: Option<StsFault>) -> &Self {
        let mut state = self.state();
        match fault {
            Some(fault) => state.always.insert(action, fault),
            None => state.always.remove(&action),
        };
        drop(state);
        self
    }

    /// Sets how many seconds after their issue credentials expire, whatever duration was requested.
    ///
    /// A negative number issues credentials that have already expired. With `None`, the requested duration applies.
    pub fn expire_after(&self, seconds: Option<i64>) -> &Self {
        self.state().credentials.expire_after = seconds;
        self
    }

    /// Returns all requests so far, in order, including those that met a fault.
    #[must_use]
    pub fn requests(&self) -> Vec<StsRequest> {
        self.state().requests.clone()
    }

    /// Returns the requests of this action so far, in order.
    #[must_use]
    pub fn requests_for(&self, action: StsAction) -> Vec<StsRequest> {
        self.state().requests.iter().filter(|request| request.action == action).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

impl Drop for StsSim {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// Records a request and returns its fault, if it has one.
    fn record(&mut self, request: &StsRequest) -> Option<StsFault> {
        self.requests.push(request.clone());
        let queued = self.faults.get_mut(&request.action).and_then(VecDeque::pop_front);
        queued.or_else(|| self.always.get(&request.action).cloned())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // The state is valid even if another thread panicked while it held the lock.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let state = Arc::clone(&state);
                    connections.spawn(async move {
                        let service = service_fn(|request| answer(request, &state));
                        // An error means that the client disconnected.
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(request: Request<Incoming>, state: &Mutex<State>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(response(&StsResponse::error(413, "ValidationError", "the body is too large")));
    };
    let Some(request) = StsRequest::parse(&head.headers, &body.to_bytes()) else {
        return Ok(response(&StsResponse::error(400, "InvalidAction", "sts-sim: unsupported action")));
    };
    let fault = lock(state).record(&request);
    match fault {
        Some(StsFault::Hang) => pending().await,
        Some(StsFault::Error { status, code, message }) => Ok(response(&StsResponse::error(status, &code, &message))),
        Some(StsFault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            Ok(response(&lock(state).credentials.answer(&request)))
        }
        None => Ok(response(&lock(state).credentials.answer(&request))),
    }
}

fn response(answer: &StsResponse) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.xml())));
    *response.status_mut() = answer.status();
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("00000000-0000-4000-8000-000000000000"));
    response
}
