use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::connection::Connection;
use crate::listener::{StartError, listen};
use crate::recorded::Recorded;
use crate::reply::Reply;
use crate::reply_queues::{Replies, ReplyQueues};
use crate::request_log::{RequestLog, TooFewRequests};
use crate::request_match::Match;
use crate::script::Script;

/// A Bedrock Runtime on loopback. It stops when it is dropped.
///
/// It keeps every request, and refuses those with a body over 64 MiB.
#[derive(Debug)]
pub struct BedrockSim {
    address: SocketAddr,
    replies: Arc<ReplyQueues>,
    log: Arc<RequestLog>,
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
        let replies = Arc::<ReplyQueues>::default();
        let log = Arc::<RequestLog>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&replies), Arc::clone(&log))).abort_handle();
        Ok(Self { address, replies, log, accepting })
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
        self.replies.push(reply.into());
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
        self.replies.when(requests)
    }

    /// Answers requests for which no reply is queued. Defaults to an echo of the last user text,
    /// with usage derived from the lengths of the request's body and the text.
    pub fn otherwise<R: Into<Reply>>(&self, responder: impl Fn(&Recorded) -> R + Send + Sync + 'static) -> &Self {
        self.replies.set_otherwise(Arc::new(move |request| responder(request).into()));
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
        self.replies.pending()
    }

    /// All requests so far, in order, but for those taken.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.log.requests()
    }

    /// All requests so far, and forgets them: for runs of so many that they would fill the memory.
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.log.take()
    }

    /// Waits until so many requests have come since the start, taken ones too, and gives
    /// [`requests`](Self::requests). It waits for ten seconds at most.
    pub async fn wait_for(&self, requests: usize) -> Result<Vec<Recorded>, TooFewRequests> {
        self.log.wait_for(requests).await?;
        Ok(self.requests())
    }
}

impl Drop for BedrockSim {
    fn drop(&mut self) {
        // Ends the listener and, with its set, every connection.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, replies: Arc<ReplyQueues>, log: Arc<RequestLog>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = Connection::new(number, Arc::clone(&replies), Arc::clone(&log));
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
