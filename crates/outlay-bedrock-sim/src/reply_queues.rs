//! The queues of scripted replies.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::default_reply::default_reply;
use crate::recorded::Recorded;
use crate::reply::Reply;
use crate::request_match::Match;

/// A queue of replies to some requests, returned by [`BedrockSim::when`](crate::BedrockSim::when).
#[derive(Debug)]
pub struct Replies<'a> {
    queues: &'a ReplyQueues,
    requests: Match,
}

impl Replies<'_> {
    /// Queues a reply.
    pub fn push(&self, reply: impl Into<Reply>) -> &Self {
        self.queues.push_for(&self.requests, reply.into());
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
}

/// All scripted replies of a simulator.
pub(crate) struct ReplyQueues {
    inner: Mutex<Inner>,
}

struct Inner {
    matched: Vec<(Match, VecDeque<Reply>)>,
    general: VecDeque<Reply>,
    otherwise: Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>,
}

impl ReplyQueues {
    pub(crate) fn when(&self, requests: Match) -> Replies<'_> {
        Replies { queues: self, requests }
    }

    pub(crate) fn push(&self, reply: Reply) {
        self.lock().general.push_back(reply);
    }

    pub(crate) fn set_otherwise(&self, responder: Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>) {
        self.lock().otherwise = responder;
    }

    pub(crate) fn pending(&self) -> usize {
        let inner = self.lock();
        inner.general.len() + inner.matched.iter().map(|(_, queue)| queue.len()).sum::<usize>()
    }

    /// Takes the reply to a request.
    ///
    /// It comes from the first matching queue that is not empty, then from the general queue, and then from the
    /// responder.
    pub(crate) fn next_for(&self, request: &Recorded) -> Reply {
        let otherwise = {
            let mut inner = self.lock();
            let mut matched = inner.matched.iter_mut().filter(|(requests, _)| requests.matches(request));
            if let Some(reply) = matched.find_map(|(_, queue)| queue.pop_front()) {
                return reply;
            }
            if let Some(reply) = inner.general.pop_front() {
                return reply;
            }
            Arc::clone(&inner.otherwise)
        };
        otherwise(request)
    }

    fn push_for(&self, requests: &Match, reply: Reply) {
        let mut inner = self.lock();
        match inner.matched.iter_mut().find(|(known, _)| known == requests) {
            Some((_, queue)) => queue.push_back(reply),
            None => inner.matched.push((requests.clone(), VecDeque::from([reply]))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The queues are valid even if another thread panicked while it held the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ReplyQueues {
    fn default() -> Self {
        let inner = Inner { matched: Vec::new(), general: VecDeque::new(), otherwise: Arc::new(default_reply) };
        Self { inner: Mutex::new(inner) }
    }
}

impl fmt::Debug for ReplyQueues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyQueues").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
