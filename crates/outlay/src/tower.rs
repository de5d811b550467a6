//! Layers for HTTP clients and servers on `tower`. A request carries its task to the server, and its cost comes back.
//!
//! The orchestrator puts a [`ClientLayer`] around its HTTP client, and lists the hosts that may see the task:
//!
//! ```
//! use outlay::tower::ClientLayer;
//!
//! let layer = ClientLayer::new().allow_host("worker.internal").allow_host("*.agents.svc.cluster.local");
//! ```
//!
//! The worker puts a [`ServerLayer`] around its service, and decides which requests to trust:
//!
//! ```
//! use outlay::{Outlay, tower::ServerLayer};
//!
//! # fn is_internal(_: &http::request::Parts) -> bool { true }
//! let outlay = Outlay::builder().build();
//! let layer = ServerLayer::new(&outlay)
//!     .trust(is_internal)
//!     .task_per_request(|outlay, request| Some(outlay.task("research").team("search")));
//! ```
//!
//! # How the cost comes back
//!
//! The cost comes back as a [receipt](crate::propagation::Receipt), JSON in one line:
//!
//! - in the response's header `outlay-receipt`, if the cost is final when the handler returns: the body has a known size,
//!   and no call is open;
//! - else in a trailer of that name after the body, if the client accepts trailers;
//! - else on request: the header says where, and [`fetch_receipts`] asks for it.
//!
//! The caller's task waits for the receipt, up to its late limit. A receipt that does not come is counted in
//! `outlay.total.pending_receipts` or `.lost_receipts`, and the total is `unpriced`.
//!
//! # Clients that are not such services
//!
//! `reqwest::Client` is a service of other types, so [`ClientLayer`] around it has unsatisfied bounds: `the trait bound
//! reqwest::Client: Service<http::Request<_>> is not satisfied`. Convert them, and let `reqwest` follow no redirects:
//!
//! ```ignore
//! let reqwest = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
//! let client = tower::ServiceBuilder::new()
//!     .layer(ClientLayer::new().allow_host("worker.internal"))
//!     .map_response(http::Response::<reqwest::Body>::from)
//!     .map_request(|request: http::Request<reqwest::Body>| reqwest::Request::try_from(request).expect("a full URL"))
//!     .service(reqwest);
//! ```
//!
//! Or use `reqwest` as it is, and pass the headers. Without a trailer, a receipt that is not final is fetched:
//!
//! ```ignore
//! let (work, mut headers) = (outlay::remote("researcher"), http::HeaderMap::new());
//! work.inject(&mut headers);
//! let response = reqwest.post("http://worker.internal:8080/research").headers(headers).send().await?;
//! work.receive_response("http://worker.internal:8080", response.headers());
//! ```
//!
//! With `reqwest-middleware`, a middleware does the same for each request to your own hosts:
//!
//! ```ignore
//! async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
//!     let work = outlay::remote("researcher");
//!     work.inject(request.headers_mut());
//!     let origin = request.url().origin().ascii_serialization();
//!     let response = next.run(request, extensions).await?;
//!     work.receive_response(&origin, response.headers());
//!     Ok(response)
//! }
//! ```
//!
//! # The order of layers
//!
//! Put every layer that sends a request more than once, or to another host, around the [`ClientLayer`], not inside it:
//! retries, because each request that is sent is separate remote work; redirects, which would show the task to a host
//! that is not allowed; and instrumentation that writes `baggage`, which would overwrite ours. Put the [`ServerLayer`]
//! around all routes that work for callers, inside the layers that authenticate the caller, and inside the server's own
//! tracing.

mod client_body;
mod client_layer;
#[cfg(feature = "axum")]
mod extract_task;
mod fetch_receipts;
mod server_body;
mod server_layer;

pub use client_body::ReceivingBody;
pub use client_layer::{ClientFuture, ClientLayer, ClientService};
pub use fetch_receipts::fetch_receipts;
pub use server_body::ScopedBody;
pub use server_layer::{ServerFuture, ServerLayer, ServerService};

/// The header or trailer with a receipt.
const RECEIPT: http::HeaderName = http::HeaderName::from_static(outlay_otel::names::wire::RECEIPT);
