//! Which reply a request gets.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::echo::echo;
use crate::matching::Match;
use crate::reply::Reply;
use crate::request::Recorded;

/// Where replies for some requests are put, from [`BedrockSim::when`](crate::BedrockSim::when).
#[derive(Debug)]
pub struct Replies<'a> {
    queues: &'a Queues,
    requests: Match,
}

impl Replies<'_> {
    /// Adds a reply at the end of this queue.
    pub fn push(&self, reply: impl Into<Reply>) -> &Self {
        self.queues.push_for(&self.requests, reply.into());
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
}

/// All the scripted replies of a simulator.
pub(crate) struct Queues {
    inner: Mutex<Inner>,
}

struct Inner {
    matched: Vec<(Match, VecDeque<Reply>)>,
    general: VecDeque<Reply>,
    otherwise: Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>,
}

impl Queues {
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

    /// The first matching queue that has a reply, then the general one, then the responder.
    pub(crate) fn next_for(&self, request: &Recorded) -> Reply {
        let otherwise = {
            let mut inner = self.lock();
            let mut matched = inner.matched.iter_mut().filter(|(requests, _)| requests.accepts(request));
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
        // No operation under this lock leaves the queues half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Queues {
    fn default() -> Self {
        let inner = Inner { matched: Vec::new(), general: VecDeque::new(), otherwise: Arc::new(echo) };
        Self { inner: Mutex::new(inner) }
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
