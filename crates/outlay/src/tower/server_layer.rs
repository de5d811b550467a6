use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TE, TRAILER};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use outlay_ledger::{Outcome, RemoteId};
use outlay_otel::{ExtractError, Incoming, guarded};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::RECEIPT;
use super::server_body::{Finish, ScopedBody};
use crate::{CurrentTask, Outlay, Task, TaskBuilder};

/// A layer that runs each request in its caller's task or in a task of its own, and reports its cost to the caller. See
/// [the module](super).
///
/// The caller that a request names is used only if the request is trusted. Such a request runs in a separate task below
/// the caller's if [`task_per_request`](Self::task_per_request) returns one. Otherwise it continues the caller's own
/// task: carry that into spawned work with [`in_scope`](crate::in_scope), because it has no span of its own.
///
/// A second layer on the same request does nothing. Receipts of this process's own remote work are removed from the
/// response.
#[derive(Clone)]
#[must_use]
pub struct ServerLayer {
    settings: Settings,
}

#[derive(Clone)]
struct Settings {
    outlay: Outlay,
    trust: Arc<dyn Fn(&Parts) -> bool + Send + Sync>,
    task: Option<Arc<TaskPerRequest>>,
    outcome: Arc<dyn Fn(StatusCode) -> Outcome + Send + Sync>,
    receipts_at: Option<Arc<str>>,
}

type TaskPerRequest = dyn Fn(&Outlay, &Parts) -> Option<TaskBuilder> + Send + Sync;

/// The service of a [`ServerLayer`].
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
    settings: Settings,
}

impl ServerLayer {
    /// Returns a layer that trusts no request and starts no tasks.
    pub fn new(outlay: &Outlay) -> Self {
        let settings = Settings {
            outlay: outlay.clone(),
            trust: Arc::new(|_| false),
            task: None,
            outcome: Arc::new(outcome_of),
            receipts_at: None,
        };
        Self { settings }
    }

    /// Sets the function that returns whether to trust a request: to believe the caller that it names, and to let its
    /// sender see what it cost. Decide by what the sender cannot forge: the address, a client certificate, a verified
    /// token. Defaults to trusting none.
    pub fn trust(mut self, is_trusted: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.settings.trust = Arc::new(is_trusted);
        self
    }

    /// Sets the function that returns the task of a request, or `None` for no task of its own. Name the task after the
    /// route's template, not after the path: the name becomes a metric attribute. The response's status decides the
    /// outcome. Defaults to no tasks.
    ///
    /// The handler finds the task with [`current_task`](crate::current_task), or as a [`CurrentTask`] in the request's
    /// extensions. With the feature `axum`, that is also an extractor.
    ///
    /// With axum, as a layer of the router, the template is in the request's extensions:
    ///
    /// ```
    /// # struct MatchedPath; impl MatchedPath { fn as_str(&self) -> &str { "" } }
    /// # let outlay = outlay::Outlay::builder().build();
    /// # let layer = outlay::tower::ServerLayer::new(&outlay);
    /// layer.task_per_request(|outlay, request| {
    ///     let route = request.extensions.get::<MatchedPath>()?;
    ///     Some(outlay.task(&format!("{} {}", request.method, route.as_str())))
    /// });
    /// ```
    pub fn task_per_request(
        mut self,
        task: impl Fn(&Outlay, &Parts) -> Option<TaskBuilder> + Send + Sync + 'static,
    ) -> Self {
        self.settings.task = Some(Arc::new(task));
        self
    }

    /// Sets the function that returns the outcome of a request's task for the response's status. Defaults to a success
    /// below 400, and a failure from 400 on. A task that was marked as failed is a failure whatever the status. In any case, the task is abandoned if the request is cancelled or the
    /// response is not read to its end, and has failed if the service returns an error.
    pub fn outcome_by(mut self, outcome: impl Fn(StatusCode) -> Outcome + Send + Sync + 'static) -> Self {
        self.settings.outcome = Arc::new(outcome);
        self
    }

    /// Sets the path for receipts. A trusted `GET {path}/{id of the work}` is answered with the receipts of that work,
    /// one per line. This is for clients that accept no trailers, and for work that continues after the response. The
    /// path is the one that clients see, so put the layer around all routes, not inside a nested router. Defaults to
    /// none.
    pub fn receipts_at(mut self, path: &str) -> Self {
        self.settings.receipts_at = Some(path.trim_end_matches('/').into());
        self
    }
}

fn outcome_of(status: StatusCode) -> Outcome {
    if status.as_u16() < 400 { Outcome::success() } else { Outcome::failure() }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService { inner, settings: self.settings.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
    R::Data: From<Bytes>,
{
    type Response = Response<ScopedBody<R>>;
    type Error = S::Error;
    type Future = ServerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ServerFuture<S::Future> {
        let (mut parts, body) = request.into_parts();
        // One layer is enough: a second one would report a receipt without cost.
        let is_first = parts.extensions.insert(IsServed).is_none();
        if !is_first || self.settings.outlay.engine().is_disabled() {
            let inner = self.inner.call(Request::from_parts(parts, body));
            return ServerFuture { state: State::PassThrough { inner } };
        }
        let is_trusted = guarded("trust", || (self.settings.trust)(&parts)).unwrap_or(false);
        if is_trusted && let Some(receipts) = self.settings.receipts(&parts) {
            return ServerFuture { state: State::Receipts { receipts } };
        }
        let run = self.settings.start_task(&parts, is_trusted);
        if let Some(run) = &run {
            parts.extensions.insert(CurrentTask::new(run.task.open_scope().scope().clone()));
        }
        let request = Request::from_parts(parts, body);
        let inner = match &run {
            Some(run) => run.task.run_sync(|| self.inner.call(request)),
            None => self.inner.call(request),
        };
        ServerFuture { state: State::Handler { inner, run } }
    }
}

impl Settings {
    /// Returns the receipts that the request asks for, one per line; `None` if it is another request.
    fn receipts(&self, parts: &Parts) -> Option<String> {
        let id = parts.uri.path().strip_prefix(&**self.receipts_at.as_ref()?)?.strip_prefix('/')?;
        let remote: RemoteId = id.parse().ok().filter(|_| parts.method == Method::GET)?;
        let receipts = self.outlay.receipts(remote);
        Some(receipts.into_iter().map(|receipt| format!("{}\n", self.with_place(receipt))).collect())
    }

    fn start_task(&self, parts: &Parts, is_trusted: bool) -> Option<Running> {
        let incoming = is_trusted.then(|| read_incoming(parts)).flatten();
        let own =
            self.task.as_ref().and_then(|task| guarded("task_per_request", || task(&self.outlay, parts)).flatten());
        let builder = match (own, &incoming) {
            (Some(own), Some(incoming)) => own.asked_by(incoming),
            (Some(own), None) => own,
            (None, Some(incoming)) => self.outlay.join(incoming),
            (None, None) => return None,
        };
        let is_waited_for = incoming.is_some_and(|incoming| incoming.caller().remote_id().is_some());
        let takes_trailers = is_waited_for && takes_trailers(parts);
        let has_body = parts.method != Method::HEAD;
        Some(Running { task: builder.start(), settings: self.clone(), is_waited_for, takes_trailers, has_body })
    }

    /// Returns the receipt. If it is not final, it gets the path of the final one.
    pub(super) fn with_place(&self, receipt: crate::propagation::Receipt) -> crate::propagation::Receipt {
        match (receipt.is_final(), receipt.remote_id(), &self.receipts_at) {
            (false, Some(remote), Some(path)) => receipt.with_path(&format!("{path}/{remote}")),
            _ => receipt,
        }
    }
}

fn read_incoming(parts: &Parts) -> Option<Incoming> {
    match Incoming::from_trusted(&parts.headers) {
        Ok(incoming) => Some(incoming),
        Err(ExtractError::NoTask) => None,
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(target: "outlay", "the caller of a trusted request cannot be read: {error}: {source}");
            None
        }
    }
}

fn takes_trailers(parts: &Parts) -> bool {
    let values = parts.headers.get_all(TE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// Marks a request that a server layer already handles.
#[derive(Clone, Copy, Debug)]
struct IsServed;

/// A request's task, while its handler runs.
struct Running {
    task: Task,
    settings: Settings,
    is_waited_for: bool,
    takes_trailers: bool,
    has_body: bool,
}

impl Running {
    fn respond<R: Body>(self, mut response: Response<R>) -> Response<ScopedBody<R>> {
        let status = response.status();
        let by_status =
            || guarded("outcome_by", || (self.settings.outcome)(status)).unwrap_or_else(|| outcome_of(status));
        let outcome = self.task.failure_or_else(by_status);
        // Receipts of this process's own remote work are for it alone.
        response.headers_mut().remove(RECEIPT);
        let body = response.body();
        let has_body = self.has_body && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // A complete body causes no more work.
        let is_done = !has_body || body.is_end_stream() || body.size_hint().exact().is_some();
        if is_done {
            self.task.end(outcome);
        }
        // The cost of an upgraded connection is not known yet: a receipt would report zero.
        if self.is_waited_for && status != StatusCode::SWITCHING_PROTOCOLS {
            let receipt = self.settings.with_place(self.task.receipt());
            if let Ok(value) = HeaderValue::try_from(receipt.to_string()) {
                response.headers_mut().insert(RECEIPT, value);
            }
        }
        if is_done {
            return response.map(ScopedBody::without_task);
        }
        // A body with a content length has no trailers, and may not be polled to its end.
        let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let sends_trailer = self.takes_trailers && length.is_none();
        if sends_trailer {
            response.headers_mut().append(TRAILER, HeaderValue::from_name(RECEIPT));
        }
        let finish = Finish { task: self.task, outcome, sends_trailer };
        response.map(|body| ScopedBody::in_task(body, finish, length))
    }
}

pin_project! {
    /// The response future of a [`ServerService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ServerFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<F> {
        Handler {
            #[pin]
            inner: F,
            run: Option<Running>,
        },
        PassThrough {
            #[pin]
            inner: F,
        },
        Receipts { receipts: String },
    }
}

impl<F, R, E> Future for ServerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<ScopedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProject::Receipts { receipts } => {
                let text = std::mem::take(receipts);
                let status = if text.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
                let mut response = Response::new(ScopedBody::text(text));
                *response.status_mut() = status;
                let json_lines = HeaderValue::from_static("application/jsonl");
                response.headers_mut().insert(CONTENT_TYPE, json_lines);
                Poll::Ready(Ok(response))
            }
            StateProject::PassThrough { inner } => {
                Poll::Ready(ready!(inner.poll(cx)).map(|response| response.map(ScopedBody::pass_through)))
            }
            StateProject::Handler { inner, run } => {
                let result = {
                    let _entered = run.as_ref().map(|run| run.task.enter());
                    ready!(inner.poll(cx))
                };
                let run = run.take();
                Poll::Ready(match (result, run) {
                    (Ok(response), Some(run)) => Ok(run.respond(response)),
                    (Ok(mut response), None) => {
                        response.headers_mut().remove(RECEIPT);
                        Ok(response.map(ScopedBody::without_task))
                    }
                    (Err(error), run) => {
                        if let Some(run) = run {
                            run.task.end(Outcome::failure());
                        }
                        Err(error)
                    }
                })
            }
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("receipts_at", &self.receipts_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerLayer").field(&self.settings).finish()
    }
}

impl<F> fmt::Debug for ServerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerFuture").finish_non_exhaustive()
    }
}
