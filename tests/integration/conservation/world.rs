//! Runs a tree against a simulator.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_sim::{ErrorKind, Match, Operation, Reply, Tokens};
use outlay::{Outcome, Outlay, Usd};
use outlay_tests::{Harness, NATIVE_BODY, Streamed, user};

use super::tree::{Call, How, Kind, MODELS, Node, Read, Scope, Trouble};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A simulator with the answers to a tree's calls, and what outlives their scopes.
pub(super) struct World {
    pub(super) h: Harness,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    outlay: Outlay,
    spawned: AtomicUsize,
    kept: Mutex<Vec<Streamed>>,
}

impl World {
    pub(super) fn new(h: Harness, tree: &[Node]) -> Self {
        for (index, node) in tree.iter().enumerate() {
            queue_replies(&h, node, &index.to_string());
        }
        let (client, outlay) = (h.client.clone(), h.outlay.clone());
        let shared = Shared { client, outlay, spawned: AtomicUsize::new(0), kept: Mutex::default() };
        Self { h, shared: Arc::new(shared) }
    }

    pub(super) fn outlay(&self) -> &Outlay {
        &self.shared.outlay
    }

    pub(super) fn run(&self, node: Node, index: usize) -> impl Future<Output = ()> + use<> {
        self.shared.clone().run(node, index.to_string())
    }

    /// How many spawned tasks are not over.
    pub(super) fn spawned(&self) -> usize {
        self.shared.spawned.load(Ordering::SeqCst)
    }

    pub(super) fn drop_kept_streams(&self) {
        let kept = std::mem::take(&mut *self.shared.kept.lock().expect("no test panics with it"));
        // Half of them where no runtime is.
        for (index, stream) in kept.into_iter().enumerate() {
            if index % 2 == 0 {
                std::thread::spawn(move || drop(stream)).join().expect("a drop never panics");
            }
        }
    }
}

/// The call's place in the tree is in its prompt, so that it gets its own answer.
fn queue_replies(h: &Harness, node: &Node, place: &str) {
    match node {
        Node::Scope(scope) => {
            for (index, child) in scope.children.iter().enumerate() {
                queue_replies(h, child, &format!("{place}.{index}"));
            }
        }
        Node::Call(call) => {
            let queue = h.sim.when(Match::body(mark(place)));
            let [input, output, read, write] = call.tokens;
            let tokens = Tokens::new(input, output).cache_read(read).cache_write(write);
            let answer = Reply::message().text("a word or two").deltas(4).usage(tokens);
            let answer = match call.trouble {
                Trouble::Slow => answer.delay(Duration::from_millis(2)).pace(Duration::from_millis(1)),
                Trouble::Broken(fault) => answer.split(60).fault(fault),
                _ => answer.into(),
            };
            match call.trouble {
                Trouble::Throttled => drop(queue.push(Reply::throttled())),
                Trouble::Lost => drop(queue.push(Reply::reset())),
                Trouble::Refused => drop(queue.push(Reply::error(ErrorKind::Validation))),
                _ => {}
            }
            queue.push(answer);
        }
        Node::Charge(_) | Node::Fail => {}
    }
}

fn mark(place: &str) -> String {
    format!("<{place}>")
}

impl Shared {
    fn run(self: Arc<Self>, node: Node, place: String) -> Running {
        Box::pin(async move {
            match node {
                Node::Call(call) => self.call(&call, &place).await,
                Node::Charge(micros) => outlay::charge("search", Usd::from_micros(i64::from(micros))),
                Node::Fail => outlay::fail("on purpose"),
                Node::Scope(scope) => self.scope(scope, place).await,
            }
        })
    }

    async fn scope(self: Arc<Self>, scope: Scope, place: String) {
        let Scope { kind, how, fails, cancelled_at, children } = scope;
        let this = self.clone();
        let held = async move {
            this.hold(how, children, &place).await;
            if fails { Err(()) } else { Ok(()) }
        };
        let run: Running = match kind {
            Kind::Task => Box::pin(async move {
                let task = self.outlay.task("inner").start();
                let result = task.try_run(held).await;
                if result.is_err() {
                    task.finish(Outcome::failure());
                }
            }),
            Kind::Agent => ignore(outlay::agent("agent").try_run(held)),
            Kind::Plan => ignore(outlay::plan("plan").try_run(held)),
            Kind::Tool => ignore(outlay::tool("tool").try_run(held)),
            Kind::Act => ignore(outlay::step("act", "act").try_run(held)),
            Kind::Retry => ignore(outlay::retry(2).try_run(held)),
            Kind::Own => ignore(outlay::step("critique", "critique").try_run(held)),
        };
        match cancelled_at {
            Some(poll) => UpTo { polls: poll, future: run }.await,
            None => run.await,
        }
    }

    async fn hold(self: Arc<Self>, how: How, children: Vec<Node>, place: &str) {
        let children = children.into_iter().enumerate();
        let children = children.map(|(index, child)| self.clone().run(child, format!("{place}.{index}")));
        match how {
            How::OneByOne => {
                for child in children {
                    child.await;
                }
            }
            How::Together => drop(futures_util::future::join_all(children).await),
            How::Spawned => {
                let handles: Vec<_> = children.map(|child| self.spawn(child)).collect();
                for handle in handles {
                    handle.await.expect("no part of a tree panics");
                }
            }
            How::Forgotten => children.for_each(|child| drop(self.spawn(child))),
        }
    }

    fn spawn(self: &Arc<Self>, child: Running) -> tokio::task::JoinHandle<()> {
        self.spawned.fetch_add(1, Ordering::SeqCst);
        let shared = self.clone();
        let child = outlay::in_scope(child);
        tokio::spawn(async move {
            child.await;
            shared.spawned.fetch_sub(1, Ordering::SeqCst);
        })
    }

    async fn call(&self, call: &Call, place: &str) {
        let (client, model, prompt) = (&self.client, MODELS[call.model].0, mark(place));
        match call.operation {
            Operation::Converse => {
                drop(client.converse().model_id(model).messages(user(&prompt)).send().await);
            }
            Operation::InvokeModel => {
                let body = Blob::new(NATIVE_BODY.replace("hello", &prompt));
                drop(client.invoke_model().model_id(model).body(body).send().await);
            }
            operation => {
                let Ok(mut stream) = Streamed::ask(client, operation, model, &prompt).await else { return };
                match call.read {
                    Read::All => drop(stream.read(usize::MAX).await),
                    Read::Some(events) => drop(stream.read(usize::from(events)).await),
                    Read::Keep => self.kept.lock().expect("no test panics with it").push(stream),
                }
            }
        }
    }
}

fn ignore<T>(run: impl Future<Output = T> + Send + 'static) -> Running {
    Box::pin(async move { drop(run.await) })
}

/// Drops its future at the poll after so many.
struct UpTo {
    polls: u8,
    future: Running,
}

impl Future for UpTo {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(left) = self.polls.checked_sub(1) else { return Poll::Ready(()) };
        self.polls = left;
        self.future.as_mut().poll(cx)
    }
}
