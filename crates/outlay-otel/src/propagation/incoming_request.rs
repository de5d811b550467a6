use hashbrown::HashMap;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{Caller, Dimension, Dimensions, ParseIdError};

use super::carrier::ReadCarrier;
use super::{baggage_members, trace_context};
use crate::names::{outlay, wire};

/// The caller that a request names, with its dimensions and its span.
#[derive(Clone, Debug)]
pub struct Incoming {
    caller: Caller,
    dimensions: Dimensions,
    parent: Option<SpanContext>,
}

/// An error for a request that does not name its caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The request names no task: its sender does not use Outlay, or does not send its baggage.
    #[error("the baggage names no Outlay task (`outlay.task.id`)")]
    NoTask,
    /// A member of the baggage is not a valid id.
    #[error("baggage member `{member}`")]
    BadId {
        /// The member's name.
        member: &'static str,
        /// What is wrong with it.
        #[source]
        source: ParseIdError,
    },
}

impl Incoming {
    /// Reads the caller from a request without verifying it. The caller is charged for the work, so check first whether you
    /// trust the sender.
    ///
    /// Names and values are cleaned and truncated like all others.
    ///
    /// # Errors
    ///
    /// Returns an [`ExtractError`] if the request does not name its caller. The work then belongs to this process only.
    pub fn from_trusted(carrier: &impl ReadCarrier) -> Result<Self, ExtractError> {
        let members = baggage_members::read(&carrier.get(wire::BAGGAGE).unwrap_or_default());
        let caller = caller(&members)?;
        let mut dimensions = Dimensions::default();
        for (key, value) in &members {
            match key.strip_prefix("outlay.") {
                Some(known) if Dimension::from_name(known).is_some() => dimensions.set_named(known, value),
                Some(other) => {
                    if let Some(own) = other.strip_prefix("dim.") {
                        dimensions.set_custom(own, value);
                    }
                }
                None => {}
            }
        }
        Ok(Self { caller, dimensions, parent: trace_context::read(carrier) })
    }

    /// Returns the scope that asked for the work.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the dimensions that the sender passed on.
    pub const fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Returns the parent span, if the sender named one.
    pub(crate) const fn parent(&self) -> Option<&SpanContext> {
        self.parent.as_ref()
    }
}

fn caller(members: &HashMap<String, String>) -> Result<Caller, ExtractError> {
    let text = |key: &str| members.get(key).map(String::as_str);
    let task = text(outlay::TASK_ID).ok_or(ExtractError::NoTask)?;
    let mut caller = Caller::new(id(outlay::TASK_ID, task)?, text(outlay::TASK_NAME).unwrap_or_default());
    if let Some(agent) = text(outlay::AGENT_ID) {
        caller = caller.agent(id(outlay::AGENT_ID, agent)?, text(outlay::AGENT_NAME).unwrap_or_default());
    }
    if let Some(step) = text(outlay::STEP_ID) {
        caller = caller.step(id(outlay::STEP_ID, step)?);
    }
    if let Some(remote) = text(wire::REMOTE_ID) {
        caller = caller.remote(id(wire::REMOTE_ID, remote)?);
    }
    Ok(caller)
}

fn id<T: std::str::FromStr<Err = ParseIdError>>(member: &'static str, text: &str) -> Result<T, ExtractError> {
    text.parse().map_err(|source| ExtractError::BadId { member, source })
}
