use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::header::{HOST, HeaderValue, TE};
use http::{HeaderMap, Request, Response};
use outlay_otel::names::wire;
use outlay_otel::{ReadCarrier, RemoteWork, WriteCarrier as _, current, guarded, without_outlay};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::RECEIPT;
use super::client_body::{ReceiptReceiver, ReceiptState, ReceivingBody};

/// A layer that sends the current task to allowed hosts with each request, and counts the cost that they report. See
/// [the module](super).
///
/// A request outside any task, or to a host that is not allowed, carries no task.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientLayer {
    settings: Settings,
}

#[derive(Clone, Default)]
struct Settings {
    hosts: Vec<Arc<str>>,
    /// Hosts and the names of the remote work there.
    names: Vec<(Arc<str>, Arc<str>)>,
    is_unsent: Option<Arc<IsUnsent>>,
    /// Whether a missing receipt has been logged.
    has_warned: Arc<AtomicBool>,
}

type IsUnsent = dyn Fn(&dyn Any) -> bool + Send + Sync;

/// The service of a [`ClientLayer`].
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    inner: S,
    settings: Settings,
}

impl ClientLayer {
    /// Returns a layer that allows no host.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a host to see the task, on any port: by name or address, or with `*.` in front, all hosts below that name.
    /// Defaults to none.
    ///
    /// Allow only hosts that send receipts: a response without one leaves the task's total `unpriced`.
    pub fn allow_host(mut self, host: &str) -> Self {
        self.settings.hosts.push(host.to_ascii_lowercase().into());
        self
    }

    /// Sets the name of remote work at a host, for the report and for `outlay.remote.name`, such as `researcher`. The
    /// host is matched as in [`allow_host`](Self::allow_host), and must be allowed there too. If several match, the first
    /// is used. Defaults to the host with its port.
    ///
    /// ```
    /// let layer = outlay::tower::ClientLayer::new().allow_host("10.0.0.7").name_host("10.0.0.7", "researcher");
    /// ```
    pub fn name_host(mut self, host: &str, name: &str) -> Self {
        self.settings.names.push((host.to_ascii_lowercase().into(), name.into()));
        self
    }

    /// Sets the function that returns whether an error of the service means that nothing was sent, so that nothing was
    /// spent. Defaults to never: a request without an answer may have cost something, and counts as a lost receipt.
    ///
    /// ```
    /// # struct ConnectError;
    /// let layer = outlay::tower::ClientLayer::new().nothing_sent(|error| error.is::<ConnectError>());
    /// ```
    pub fn nothing_sent(mut self, is_unsent: impl Fn(&dyn Any) -> bool + Send + Sync + 'static) -> Self {
        self.settings.is_unsent = Some(Arc::new(is_unsent));
        self
    }
}

impl Settings {
    fn allows(&self, host: &str) -> bool {
        self.hosts.iter().any(|allowed| host_matches(allowed, host))
    }

    /// Returns the name of remote work at the host, if one is set.
    fn name(&self, host: &str) -> Option<&str> {
        self.names.iter().find(|(pattern, _)| host_matches(pattern, host)).map(|(_, name)| &**name)
    }

    fn is_unsent(&self, error: &dyn Any) -> bool {
        let call = |is_unsent: &Arc<IsUnsent>| guarded("nothing_sent", || is_unsent(error)).unwrap_or(false);
        self.is_unsent.as_ref().is_some_and(call)
    }

    fn warn_once_of_missing_receipt(&self, origin: &str) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "outlay",
                origin,
                "an allowed host sent no receipt: its cost is unknown, and the task's total is unpriced. Does the host \
                 have a ServerLayer, and does it trust this client?"
            );
        }
    }
}

/// Returns whether `pattern`, a host or `*.domain`, matches `host`.
fn host_matches(pattern: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
        None => host == *pattern,
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService { inner, settings: self.settings.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
{
    type Response = Response<ReceivingBody<R>>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ClientFuture<S::Future> {
        let sent = self.start_work(&mut request);
        ClientFuture { inner: self.inner.call(request), sent }
    }
}

impl<S> ClientService<S> {
    /// Starts remote work and writes it into the request. Returns `None` outside any task, or if the host is not allowed.
    fn start_work<B>(&self, request: &mut Request<B>) -> Option<SentWork> {
        // Another client layer has already written to the request, or it asks for a receipt.
        if request.extensions().get::<IsHandled>().is_some() {
            return None;
        }
        let uri = request.uri();
        let from_header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
        let authority: http::uri::Authority = uri.authority().cloned().or_else(from_header)?;
        if !self.settings.allows(authority.host()) {
            strip_caller(request.headers_mut());
            return None;
        }
        // Leave out the rest of the authority: it may contain a password.
        let host = match authority.port() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        // If only a header names the host, the inner service decides whether to use TLS.
        let origin = match uri.scheme_str() {
            Some(scheme) => format!("{scheme}://{host}"),
            None => format!("//{host}"),
        };
        let work = crate::remote(self.settings.name(authority.host()).unwrap_or(&host));
        if work.id().is_none() {
            // Outside any task, do not pass on the task of another process that the application copied from a request.
            if current().is_none() {
                strip_caller(request.headers_mut());
            }
            return None;
        }
        work.inject(request.headers_mut());
        request.extensions_mut().insert(IsHandled);
        request.headers_mut().entry(TE).or_insert(HeaderValue::from_static("trailers"));
        Some(SentWork { work, origin, settings: self.settings.clone() })
    }
}

/// Removes Outlay's entries from the baggage, for a host that is not allowed: the application's own propagation may have
/// added them.
fn strip_caller(headers: &mut HeaderMap) {
    let baggage = ReadCarrier::get(headers, wire::BAGGAGE);
    if let Some(others) = baggage.and_then(|baggage| without_outlay(&baggage)) {
        headers.remove(wire::BAGGAGE);
        if !others.is_empty() {
            headers.set(wire::BAGGAGE, others);
        }
    }
}

/// Marks a request for which no further remote work is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct IsHandled;

/// The remote work of a request that is on its way.
struct SentWork {
    work: RemoteWork,
    origin: String,
    settings: Settings,
}

impl SentWork {
    /// Counts the receipt in the response's header. Returns the receiver for the final one, if that is still to come.
    fn receive<R>(self, response: &Response<R>) -> Option<ReceiptReceiver> {
        let receipts = response.headers().get_all(RECEIPT);
        let receiver = ReceiptReceiver::new(self.work, self.origin.clone());
        match receiver.receive(receipts) {
            ReceiptState::Missing(receiver) => {
                self.settings.warn_once_of_missing_receipt(&self.origin);
                receiver.give_up();
                None
            }
            ReceiptState::Pending(receiver) => Some(receiver),
            ReceiptState::Complete => None,
        }
    }
}

pin_project! {
    /// The response future of a [`ClientService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        sent: Option<SentWork>,
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: 'static,
{
    type Output = Result<Response<ReceivingBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let sent = this.sent.take();
        Poll::Ready(match result {
            Ok(response) => {
                let receiver = sent.and_then(|sent| sent.receive(&response));
                Ok(response.map(|body| ReceivingBody::new(body, receiver)))
            }
            Err(error) => {
                if let Some(sent) = sent
                    && sent.settings.is_unsent(&error)
                {
                    sent.work.cancel();
                }
                Err(error)
            }
        })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for ClientFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_by_its_name_or_by_the_domain_above_it() {
        let layer = ClientLayer::new().allow_host("Worker.internal").allow_host("*.svc.local").allow_host("[::1]");
        for host in ["worker.internal", "WORKER.INTERNAL", "a.svc.local", "a.b.svc.local", "[::1]"] {
            assert!(layer.settings.allows(host), "{host}");
        }
        for host in
            ["internal", "evil-worker.internal", "svc.local", ".svc.local", "evilsvc.local", "worker.internal.evil"]
        {
            assert!(!layer.settings.allows(host), "{host}");
        }
        assert!(!ClientLayer::new().settings.allows("worker.internal"));
    }
}
