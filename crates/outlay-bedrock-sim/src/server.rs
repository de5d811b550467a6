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

/// A simulator of Bedrock Runtime on loopback.
///
/// The simulator records every request and rejects those with a body over 64 MiB. It stops when it is dropped.
#[derive(Debug)]
pub struct BedrockSim {
    address: SocketAddr,
    replies: Arc<ReplyQueues>,
    log: Arc<RequestLog>,
    accepting: AbortHandle,
}

impl BedrockSim {
    /// Starts a simulator on a free port of 127.0.0.1. It runs on the current tokio runtime.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a simulator on this address, which must be loopback.
    pub async fn start_on(address: SocketAddr) -> Result<Self, StartError> {
        let (listener, address) = listen(address).await?;
        let replies = Arc::<ReplyQueues>::default();
        let log = Arc::<RequestLog>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&replies), Arc::clone(&log))).abort_handle();
        Ok(Self { address, replies, log, accepting })
    }

    /// Returns the endpoint URL to give to a client, such as `http://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that the simulator listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues a reply to any request.
    pub fn push(&self, reply: impl Into<Reply>) -> &Self {
        self.replies.push(reply.into());
        self
    }

    /// Queues a reply this many times.
    pub fn push_times(&self, times: usize, reply: impl Into<Reply>) -> &Self {
        let reply = reply.into();
        for _ in 0..times {
            self.push(reply.clone());
        }
        self
    }

    /// Returns the queue of replies to these requests.
    ///
    /// A request takes its reply from the first matching queue that is not empty. The general queue is used only if there
    /// is none. Equal values of [`Match`] return the same queue.
    pub fn when(&self, requests: Match) -> Replies<'_> {
        self.replies.when(requests)
    }

    /// Sets the responder to requests without a queued reply.
    ///
    /// Defaults to an echo of the last user text, with usage derived from the lengths of the request body and the text.
    pub fn otherwise<R: Into<Reply>>(&self, responder: impl Fn(&Recorded) -> R + Send + Sync + 'static) -> &Self {
        self.replies.set_otherwise(Arc::new(move |request| responder(request).into()));
        self
    }

    /// Queues the replies of a script.
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

    /// Returns the number of queued replies.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.replies.pending()
    }

    /// Returns all requests so far, in order, except those that were taken.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.log.requests()
    }

    /// Removes all requests so far and returns them. Long runs use it to limit memory.
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.log.take()
    }

    /// Waits until this many requests were received since the start, then returns [`requests`](Self::requests).
    ///
    /// Requests that were taken count too.
    ///
    /// # Errors
    ///
    /// Returns an error if the requests do not arrive within ten seconds.
    pub async fn wait_for(&self, requests: usize) -> Result<Vec<Recorded>, TooFewRequests> {
        self.log.wait_for(requests).await?;
        Ok(self.requests())
    }
}

impl Drop for BedrockSim {
    fn drop(&mut self) {
        // Stops the listener. It owns the connections and stops them too.
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
                // Most likely no file descriptors are left. Closing connections frees some.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
