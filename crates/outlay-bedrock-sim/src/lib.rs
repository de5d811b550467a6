//! A simulator of Amazon Bedrock Runtime on loopback that uses the real wire format.
//!
//! Tests, examples and benchmarks script each reply, such as an assistant turn, an error or a stream that breaks at the
//! third frame. A [`Message`] is rendered in the format of the requested operation: as `Converse` JSON, as
//! `ConverseStream` events, or as the native body of the model family for `InvokeModel`.
//!
//! ```
//! use outlay_bedrock_sim::{BedrockSim, ErrorKind, Fault, Match, Reply, Tokens};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let bedrock = BedrockSim::start().await?;
//! assert!(bedrock.url().starts_with("http://127.0.0.1:"));
//!
//! // These replies answer any request, in order.
//! bedrock
//!     .push(Reply::throttled())
//!     .push(Reply::message().text("hello").usage(Tokens::new(1_000, 200).cache_read(8_192)));
//!
//! // This reply answers only some requests. It takes precedence over those above.
//! let broken = Fault::ExceptionAt(3, ErrorKind::ModelStreamError);
//! bedrock.when(Match::model("haiku")).push(Reply::message().text("half an answ").fault(broken));
//!
//! // Answers requests without a scripted reply. Defaults to an echo of the last user text.
//! bedrock.otherwise(|request| Reply::message().text(format!("from {}", request.model_id)));
//! # Ok::<(), outlay_bedrock_sim::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The other operations (guardrails, jobs, speech sessions and token counts) have plausible default replies. A script
//! replaces them with [`Reply::json`] or [`Reply::chunks`].
//!
//! [`render()`] returns the bytes of a reply without a server, so that a benchmark can replay them.
//!
//! [`StsSim`] is a simulator of the AWS Security Token Service.
//!
//! Signatures are not verified, so any credentials are accepted.

#[cfg(feature = "client")]
mod client;
mod connection;
mod content_block;
mod default_reply;
mod delivery;
mod error_kind;
mod family;
mod fault;
mod frame;
mod listener;
mod message;
mod native;
mod operation;
mod recorded;
mod render;
mod rendered;
mod reply;
mod reply_queues;
mod request_log;
mod request_match;
mod script;
mod scripted_body;
mod server;
mod socket;
mod sts;
mod tokens;

pub use crate::error_kind::ErrorKind;
pub use crate::family::Family;
pub use crate::fault::Fault;
pub use crate::listener::StartError;
pub use crate::message::Message;
pub use crate::operation::{Operation, UnknownOperation};
pub use crate::recorded::Recorded;
pub use crate::render::render;
pub use crate::rendered::{Ending, Rendered};
pub use crate::reply::Reply;
pub use crate::reply_queues::Replies;
pub use crate::request_log::TooFewRequests;
pub use crate::request_match::Match;
pub use crate::script::{Script, ScriptError};
pub use crate::server::BedrockSim;
pub use crate::sts::{StsAction, StsFault, StsRequest, StsSim};
pub use crate::tokens::Tokens;
