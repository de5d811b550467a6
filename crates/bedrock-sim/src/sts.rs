//! A Security Token Service on loopback, in the AWS query protocol.

mod answer;
mod fault;
mod issued;
mod request;

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
use answer::Answer;
use issued::Issued;

pub use fault::StsFault;
pub use request::{StsAction, StsRequest};

/// More than any request to STS has.
const BODY_LIMIT: usize = 1024 * 1024;

/// A Security Token Service on loopback: GetCallerIdentity, AssumeRole and AssumeRoleWithWebIdentity. It stops when it
/// is dropped.
///
/// It holds requests to the limits of the real one, role chaining's hour included, and knows the credentials that it has
/// issued. Signatures are not verified.
///
/// ```
/// use bedrock_sim::{StsAction, StsFault, StsSim};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let sts = StsSim::start().await?;
/// sts.know("AKIDEXAMPLE", "arn:aws:iam::123456789012:user/ana");
/// sts.push(StsAction::AssumeRole, StsFault::error(403, "AccessDenied", "not for you"));
/// assert!(sts.url().starts_with("http://127.0.0.1:"));
/// # Ok::<(), bedrock_sim::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StsSim {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    accepting: AbortHandle,
}

/// What the connections share with the simulator.
#[derive(Debug, Default)]
struct State {
    issued: Issued,
    faults: HashMap<StsAction, VecDeque<StsFault>>,
    always: HashMap<StsAction, StsFault>,
    requests: Vec<StsRequest>,
}

impl StsSim {
    /// Starts on a free port of 127.0.0.1, on the current tokio runtime.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on this address, which must be loopback.
    pub async fn start_on(address: SocketAddr) -> Result<Self, StartError> {
        let (listener, address) = listen(address).await?;
        let shared = Arc::<Mutex<State>>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, accepting })
    }

    /// The endpoint to give to a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whose an access key is. One that nobody has said is a user's who is called like the key.
    pub fn know(&self, access_key_id: &str, arn: &str) -> &Self {
        self.state().issued.know(access_key_id, arn);
        self
    }

    /// What becomes of the next request for this action, before those that follow it.
    pub fn push(&self, action: StsAction, fault: StsFault) -> &Self {
        self.state().faults.entry(action).or_default().push_back(fault);
        self
    }

    /// What becomes of every request for this action for which nothing is queued; `None` answers them.
    pub fn always(&self, action: StsAction, fault: Option<StsFault>) -> &Self {
        let mut state = self.state();
        match fault {
            Some(fault) => state.always.insert(action, fault),
            None => state.always.remove(&action),
        };
        drop(state);
        self
    }

    /// Has issued credentials end so many seconds from now, by the simulator's clock, whatever was asked for; `None`
    /// keeps to what was.
    pub fn expire_after(&self, seconds: Option<i64>) -> &Self {
        self.state().issued.expire_after = seconds;
        self
    }

    /// All requests so far, in order, also those that a fault befell.
    #[must_use]
    pub fn requests(&self) -> Vec<StsRequest> {
        self.state().requests.clone()
    }

    /// Those for this action.
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
    /// Keeps a request, and says what becomes of it.
    fn take(&mut self, request: &StsRequest) -> Option<StsFault> {
        self.requests.push(request.clone());
        let queued = self.faults.get_mut(&request.action).and_then(VecDeque::pop_front);
        queued.or_else(|| self.always.get(&request.action).cloned())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Each change leaves it whole.
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
                        // An error is a client that left.
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
        return Ok(response(&Answer::error(413, "ValidationError", "the body is too large")));
    };
    let Some(request) = StsRequest::read(&head.headers, &body.to_bytes()) else {
        return Ok(response(&Answer::error(400, "InvalidAction", "sts-sim: it has no such action")));
    };
    let fault = lock(state).take(&request);
    match fault {
        Some(StsFault::Hang) => pending().await,
        Some(StsFault::Error { status, code, message }) => Ok(response(&Answer::error(status, &code, &message))),
        Some(StsFault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            Ok(response(&lock(state).issued.answer(&request)))
        }
        None => Ok(response(&lock(state).issued.answer(&request))),
    }
}

fn response(answer: &Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.xml())));
    *response.status_mut() = answer.status();
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("00000000-0000-4000-8000-000000000000"));
    response
}
