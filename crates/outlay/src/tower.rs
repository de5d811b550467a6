//! Layers for HTTP servers and clients on `tower`: whose work a request is goes out with it, and what it cost comes back.
//!
//! The orchestrator puts a [`ClientLayer`] around its HTTP client, and says which hosts may know:
//!
//! ```
//! use outlay::tower::ClientLayer;
//!
//! let layer = ClientLayer::new().allow_host("worker.internal").allow_host("*.agents.svc.cluster.local");
//! ```
//!
//! The worker puts a [`ServerLayer`] around its service, and says whom it believes:
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
//! As a [receipt](crate::Receipt), JSON in one line:
//!
//! - in the response's header `outlay-receipt`, where nothing can be spent any more once the handler has returned: its body
//!   has a known size, and no call is open;
//! - else in a trailer of that name when the body has ended, where the client takes trailers;
//! - else it is asked for: the header then says where, and [`fetch_receipts`] does it.
//!
//! Until it comes the caller's task waits for it, up to its late limit; one that never comes is counted in
//! `outlay.total.pending_receipts` or `.lost_receipts`, and the total says `unpriced`.
//!
//! # Where the layers stand
//!
//! Whatever sends a request more than once, or to another host, stands around the [`ClientLayer`] and not inside it: retries,
//! for each request that is sent is work of its own; redirects, which would carry to another host what it is not to know; and
//! instrumentation that writes `baggage`, which would write over ours. The [`ServerLayer`] stands around all routes that do
//! work for others, inside what authenticates the caller and inside the server's own tracing.

mod client_body;
mod client_layer;
mod fetch_receipts;
mod header_carriers;
mod server_body;
mod server_layer;

pub use client_body::ReceivingBody;
pub use client_layer::{ClientFuture, ClientLayer, ClientService};
pub use fetch_receipts::fetch_receipts;
pub use header_carriers::{extract_trusted, inject};
pub use server_body::ScopedBody;
pub use server_layer::{ServerFuture, ServerLayer, ServerService};
