use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::connection::Connection;
use crate::matching::Match;
use crate::replies::{Queues, Replies};
use crate::reply::Reply;
use crate::request::Recorded;
use crate::script::Script;

/// How long [`BedrockSim::wait_for`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Bedrock Runtime on loopback. It stops when it is dropped.
///
/// It keeps every request, and refuses those with a body over 64 MiB.
#[derive(Debug)]
pub struct BedrockSim {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

impl BedrockSim {
    /// Starts on a free port of 127.0.0.1, on the current tokio runtime.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on this address, which must be loopback.
    pub async fn start_on(address: SocketAddr) -> Result<Self, StartError> {
        let (listener, address) = listen(address).await?;
        let shared = Arc::new(Shared::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, accepting })
    }

    /// The endpoint to give to a client, such as `http://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a reply to whatever request comes when its turn is.
    pub fn push(&self, reply: impl Into<Reply>) -> &Self {
        self.shared.queues.push(reply.into());
        self
    }

    /// Adds a reply so many times.
    pub fn push_times(&self, times: usize, reply: impl Into<Reply>) -> &Self {
        let reply = reply.into();
        for _ in 0..times {
            self.push(reply.clone());
        }
        self
    }

    /// The queue of replies to these requests. The first matching queue that is not empty wins, and
    /// wins over the general one. The same [`Match`] gives the same queue.
    pub fn when(&self, requests: Match) -> Replies<'_> {
        self.shared.queues.when(requests)
    }

    /// Answers requests for which no reply is queued. Defaults to an echo of the last user text,
    /// with usage derived from the lengths of the request's body and the text.
    pub fn otherwise<R: Into<Reply>>(&self, responder: impl Fn(&Recorded) -> R + Send + Sync + 'static) -> &Self {
        self.shared.queues.set_otherwise(Arc::new(move |request| responder(request).into()));
        self
    }

    /// Adds the replies of a script.
    pub fn load(&self, script: Script) -> &Self {
        for (requests, reply) in script.into_replies() {
            match requests {
                Some(requests) => {
                    self.when(requests).push(reply);
                }
                None => {
                    self.push(reply);
                }
            }
        }
        self
    }

    /// Replies that no request has taken yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shared.queues.pending()
    }

    /// All requests so far, in order, but for those taken.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.recorded().clone()
    }

    /// All requests so far, and forgets them: for runs of so many that they would fill the memory.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.shared.recorded())
    }

    /// Waits until so many requests have come since the start, taken ones too, and gives
    /// [`requests`](Self::requests). It waits for ten seconds at most.
    pub async fn wait_for(&self, requests: usize) -> Result<Vec<Recorded>, TooFewRequests> {
        let mut received = self.shared.received.subscribe();
        let enough = tokio::time::timeout(PATIENCE, received.wait_for(|received| *received >= requests)).await;
        match enough {
            Ok(_) => Ok(self.requests()),
            Err(_) => Err(TooFewRequests { expected: requests, received: *self.shared.received.borrow() }),
        }
    }
}

impl Drop for BedrockSim {
    fn drop(&mut self) {
        // Ends the listener and, with its set, every connection.
        self.accepting.abort();
    }
}

/// A listener on this address, which must be loopback, and the address with its port.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback { address });
    }
    let bind = |source| StartError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    Ok((listener, bound))
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can be reached from elsewhere.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address could not be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// The requests that [`BedrockSim::wait_for`] waited for did not come in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} requests, received {received} within ten seconds")]
pub struct TooFewRequests {
    expected: usize,
    received: usize,
}

/// What the simulator's connections share with it.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) queues: Queues,
    recorded: Mutex<Vec<Recorded>>,
    received: watch::Sender<usize>,
}

impl Shared {
    /// Completes a request with its order and request id, and keeps it.
    pub(crate) fn record(&self, request: impl FnOnce(usize) -> Recorded) -> Recorded {
        let mut recorded = self.recorded();
        let request = request(*self.received.borrow());
        recorded.push(request.clone());
        // Under the lock, so that order and place agree.
        self.received.send_modify(|received| *received += 1);
        request
    }

    /// The body of a request that was answered before it had come whole.
    pub(crate) fn body_ended(&self, order: usize, body: Bytes) {
        if let Some(request) = self.recorded().iter_mut().find(|request| request.order == order) {
            request.body = body;
        }
    }

    fn recorded(&self) -> MutexGuard<'_, Vec<Recorded>> {
        // A push leaves the list whole, whatever panicked elsewhere.
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = Connection::new(number, Arc::clone(&shared));
                    connections.spawn(connection.serve(stream));
                    number += 1;
                }
                // Out of file descriptors, most likely: those of closed connections come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
