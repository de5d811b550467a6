//! A runner of trees against a simulator.

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

use super::tree::{Call, Disturbance, Execution, Kind, MODELS, Node, Read, Scope};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A simulator with the answers to the calls of a tree, and the streams and spawned tasks that outlive their scopes.
pub(super) struct TreeRunner {
    pub(super) h: Harness,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    outlay: Outlay,
    spawned: AtomicUsize,
    kept: Mutex<Vec<Streamed>>,
}

impl TreeRunner {
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

    /// Returns the number of spawned tasks that have not ended.
    pub(super) fn spawned(&self) -> usize {
        self.shared.spawned.load(Ordering::SeqCst)
    }

    pub(super) fn drop_kept_streams(&self) {
        let kept = std::mem::take(&mut *self.shared.kept.lock().expect("no test panics while it holds the lock"));
        // Half of them are dropped on a thread without a runtime.
        for (index, stream) in kept.into_iter().enumerate() {
            if index % 2 == 0 {
                std::thread::spawn(move || drop(stream)).join().expect("a drop never panics");
            }
        }
    }
}

/// Queues the answers of the calls below a node. Each call has its path in its prompt, so that it gets its own answer.
fn queue_replies(h: &Harness, node: &Node, path: &str) {
    match node {
        Node::Scope(scope) => {
            for (index, child) in scope.children.iter().enumerate() {
                queue_replies(h, child, &format!("{path}.{index}"));
            }
        }
        Node::Call(call) => {
            let queue = h.sim.when(Match::body(prompt_of(path)));
            let [input, output, read, write] = call.tokens;
            let tokens = Tokens::new(input, output).cache_read(read).cache_write(write);
            let answer = Reply::message().text("a word or two").deltas(4).usage(tokens);
            let answer = match call.disturbance {
                Disturbance::Slow => answer.delay(Duration::from_millis(2)).pace(Duration::from_millis(1)),
                Disturbance::Broken(fault) => answer.split(60).fault(fault),
                _ => answer.into(),
            };
            match call.disturbance {
                Disturbance::Throttled => drop(queue.push(Reply::throttled())),
                Disturbance::Lost => drop(queue.push(Reply::reset())),
                Disturbance::Refused => drop(queue.push(Reply::error(ErrorKind::Validation))),
                _ => {}
            }
            queue.push(answer);
        }
        Node::Charge(_) | Node::Fail => {}
    }
}

fn prompt_of(path: &str) -> String {
    format!("<{path}>")
}

impl Shared {
    fn run(self: Arc<Self>, node: Node, path: String) -> Running {
        Box::pin(async move {
            match node {
                Node::Call(call) => self.call(&call, &path).await,
                Node::Charge(micros) => outlay::charge("search", Usd::from_micros(i64::from(micros))),
                Node::Fail => outlay::fail("on purpose"),
                Node::Scope(scope) => self.scope(scope, path).await,
            }
        })
    }

    async fn scope(self: Arc<Self>, scope: Scope, path: String) {
        let Scope { kind, execution, fails, cancelled_at, children } = scope;
        let this = self.clone();
        let children_run = async move {
            this.run_children(execution, children, &path).await;
            if fails { Err(()) } else { Ok(()) }
        };
        let run: Running = match kind {
            Kind::Task => Box::pin(async move {
                let task = self.outlay.task("inner").start();
                let result = task.try_run(children_run).await;
                if result.is_err() {
                    task.finish(Outcome::failure());
                }
            }),
            Kind::Agent => discard_output(outlay::agent("agent").try_run(children_run)),
            Kind::Plan => discard_output(outlay::plan("plan").try_run(children_run)),
            Kind::Tool => discard_output(outlay::tool("tool").try_run(children_run)),
            Kind::Act => discard_output(outlay::step("act", "act").try_run(children_run)),
            Kind::Retry => discard_output(outlay::retry(2).try_run(children_run)),
            Kind::Custom => discard_output(outlay::step("critique", "critique").try_run(children_run)),
        };
        match cancelled_at {
            Some(poll) => LimitedPolls { polls: poll, future: run }.await,
            None => run.await,
        }
    }

    async fn run_children(self: Arc<Self>, execution: Execution, children: Vec<Node>, path: &str) {
        let children = children.into_iter().enumerate();
        let children = children.map(|(index, child)| self.clone().run(child, format!("{path}.{index}")));
        match execution {
            Execution::Sequential => {
                for child in children {
                    child.await;
                }
            }
            Execution::Concurrent => drop(futures_util::future::join_all(children).await),
            Execution::Spawned => {
                let handles: Vec<_> = children.map(|child| self.spawn(child)).collect();
                for handle in handles {
                    handle.await.expect("no part of a tree panics");
                }
            }
            Execution::Detached => children.for_each(|child| drop(self.spawn(child))),
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

    async fn call(&self, call: &Call, path: &str) {
        let (client, model, prompt) = (&self.client, MODELS[call.model].0, prompt_of(path));
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
                    Read::Keep => self.kept.lock().expect("no test panics while it holds the lock").push(stream),
                }
            }
        }
    }
}

fn discard_output<T>(run: impl Future<Output = T> + Send + 'static) -> Running {
    Box::pin(async move { drop(run.await) })
}

/// Drops its future after this number of polls.
struct LimitedPolls {
    polls: u8,
    future: Running,
}

impl Future for LimitedPolls {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(remaining) = self.polls.checked_sub(1) else { return Poll::Ready(()) };
        self.polls = remaining;
        self.future.as_mut().poll(cx)
    }
}
