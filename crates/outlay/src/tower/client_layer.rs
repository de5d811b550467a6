use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::header::{HOST, HeaderValue, TE};
use http::{Request, Response};
use outlay_otel::{RemoteWork, current, guarded};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::client_body::{Heard, ReceivingBody, Waiting};
use super::header_carriers;

/// Tells the hosts that may know whose work a request is, and counts what they say that it cost. See
/// [the module](super).
///
/// A request that is made in no task, or to a host that is not allowed, says nothing of whose work it is.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientLayer {
    settings: Settings,
}

#[derive(Clone, Default)]
struct Settings {
    hosts: Vec<Arc<str>>,
    /// What the work that is asked of a host goes by.
    names: Vec<(Arc<str>, Arc<str>)>,
    nothing_sent: Option<Arc<NothingSent>>,
    said: Arc<AtomicBool>,
}

type NothingSent = dyn Fn(&dyn Any) -> bool + Send + Sync;

/// Made by [`ClientLayer`].
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    inner: S,
    settings: Settings,
}

impl ClientLayer {
    /// A layer that tells nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this host know, on any port: by its name or address, or with `*.` in front all hosts below that name. Defaults
    /// to none.
    ///
    /// It is to be one that sends receipts: a response without one leaves the task's total `unpriced`.
    pub fn allow_host(mut self, host: &str) -> Self {
        self.settings.hosts.push(host.to_ascii_lowercase().into());
        self
    }

    /// Names the work that is asked of a host, for the report and for `outlay.remote.name`, such as `researcher`. The host is
    /// matched as in [`allow_host`](Self::allow_host), and must be allowed there too. If several match, the first is used.
    /// Defaults to the host with its port.
    ///
    /// ```
    /// let layer = outlay::tower::ClientLayer::new().allow_host("10.0.0.7").name_host("10.0.0.7", "researcher");
    /// ```
    pub fn name_host(mut self, host: &str, name: &str) -> Self {
        self.settings.names.push((host.to_ascii_lowercase().into(), name.into()));
        self
    }

    /// Whether an error of the service means that nothing was sent, and so nothing spent. Defaults to never: what was
    /// asked for and not answered may have cost something, and counts as a lost receipt.
    ///
    /// ```
    /// # struct ConnectError;
    /// let layer = outlay::tower::ClientLayer::new().nothing_sent(|error| error.is::<ConnectError>());
    /// ```
    pub fn nothing_sent(mut self, says: impl Fn(&dyn Any) -> bool + Send + Sync + 'static) -> Self {
        self.settings.nothing_sent = Some(Arc::new(says));
        self
    }
}

impl Settings {
    fn allows(&self, host: &str) -> bool {
        self.hosts.iter().any(|allowed| host_matches(allowed, host))
    }

    /// Returns the name for work that is asked of the host, if one is set.
    fn name(&self, host: &str) -> Option<&str> {
        self.names.iter().find(|(named, _)| host_matches(named, host)).map(|(_, name)| &**name)
    }

    fn says_nothing_was_sent(&self, error: &dyn Any) -> bool {
        let says = |says: &Arc<NothingSent>| guarded("nothing_sent", || says(error)).unwrap_or(false);
        self.nothing_sent.as_ref().is_some_and(says)
    }

    fn say_once_that_there_is_no_receipt(&self, origin: &str) {
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "outlay",
                origin,
                "a host that is allowed to know whose work it does has sent no receipt: what it spent is not known, and \
                 the task's total is unpriced; is its server layer there, and does it trust this client?"
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
        let asked = self.ask(&mut request);
        ClientFuture { inner: self.inner.call(request), asked }
    }
}

impl<S> ClientService<S> {
    /// Writes whose work it is into the request; `None` where nobody is to know, or there is nobody to tell of.
    fn ask<B>(&self, request: &mut Request<B>) -> Option<Asked> {
        // One that another such layer has written to, or that asks for a receipt, is no work of its own.
        if request.extensions().get::<IsAsked>().is_some() {
            return None;
        }
        let uri = request.uri();
        let by_header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
        let authority: http::uri::Authority = uri.authority().cloned().or_else(by_header)?;
        if !self.settings.allows(authority.host()) {
            header_carriers::strip(request.headers_mut());
            return None;
        }
        // Not as the authority has it: that may hold a password.
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
            // Nobody's work here is not somebody else's there, whatever the request says that came in.
            if current().is_none() {
                header_carriers::strip(request.headers_mut());
            }
            return None;
        }
        header_carriers::inject(&work, request.headers_mut());
        request.extensions_mut().insert(IsAsked);
        request.headers_mut().entry(TE).or_insert(HeaderValue::from_static("trailers"));
        Some(Asked { work, origin, settings: self.settings.clone() })
    }
}

/// Marks a request that is no work of its own any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct IsAsked;

struct Asked {
    work: RemoteWork,
    origin: String,
    settings: Settings,
}

impl Asked {
    /// What the response's header says; `None` where there is nothing more to wait for.
    fn receive<R>(self, response: &Response<R>) -> Option<Waiting> {
        let receipts = response.headers().get_all(header_carriers::RECEIPT);
        let waiting = Waiting::new(self.work, self.origin.clone());
        match waiting.receive(receipts) {
            Heard::Nothing(waiting) => {
                self.settings.say_once_that_there_is_no_receipt(&self.origin);
                waiting.give_up();
                None
            }
            Heard::SoFar(waiting) => Some(waiting),
            Heard::All => None,
        }
    }
}

pin_project! {
    /// The response of a [`ClientService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        asked: Option<Asked>,
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
        let asked = this.asked.take();
        Poll::Ready(match result {
            Ok(response) => {
                let waiting = asked.and_then(|asked| asked.receive(&response));
                Ok(response.map(|body| ReceivingBody::new(body, waiting)))
            }
            Err(error) => {
                if let Some(asked) = asked
                    && asked.settings.says_nothing_was_sent(&error)
                {
                    asked.work.cancel();
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
