//! A Bedrock Runtime on loopback that speaks the real wire format.
//!
//! Tests, examples and benches script it reply by reply: an assistant turn, an error shape, a
//! stream that breaks at the third frame. The same [`Message`] is rendered as the operation asks
//! for it: `Converse` JSON, `ConverseStream` events, or the native body of the model's family for
//! `InvokeModel`.
//!
//! ```
//! use bedrock_sim::{BedrockSim, ErrorKind, Fault, Match, Reply, Tokens};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let bedrock = BedrockSim::start().await?;
//! assert!(bedrock.url().starts_with("http://127.0.0.1:"));
//!
//! // Replies to any request, in order.
//! bedrock
//!     .push(Reply::throttled())
//!     .push(Reply::message().text("hello").usage(Tokens::new(1_000, 200).cache_read(8_192)));
//!
//! // Replies for some requests only; they win over the general ones.
//! let broken = Fault::ExceptionAt(3, ErrorKind::ModelStreamError);
//! bedrock.when(Match::model("haiku")).push(Reply::message().text("half an answ").fault(broken));
//!
//! // What no script covers. Defaults to an echo of the last user text.
//! bedrock.otherwise(|request| Reply::message().text(format!("from {}", request.model_id)));
//! # Ok::<(), bedrock_sim::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The other operations (guardrails, jobs, speech sessions, token counts) answer with something sensible of their own,
//! or with the [`Reply::json`] or [`Reply::chunks`] that a script gives them.
//!
//! [`render()`] gives the bytes of a reply without a server, so that a benchmark can replay them.
//!
//! [`StsSim`] is a Security Token Service beside it.
//!
//! Signatures are not verified: any credentials will do.

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
