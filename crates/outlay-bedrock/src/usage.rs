//! What a call used, out of whatever the answer says.

mod converse;
mod count;
mod counts;
mod headers;
mod lenient;
mod merge;
mod native;
mod request;

pub(crate) use converse::{ConverseAnswer, read_converse};
pub(crate) use counts::Counts;
pub(crate) use headers::{AnswerHeaders, read_headers};
pub(crate) use merge::{Found, Sources};
pub(crate) use native::read_native;
pub(crate) use request::{Parameters, read_request};
