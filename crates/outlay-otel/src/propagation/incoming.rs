use std::collections::HashMap;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, baggage::Baggage};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use outlay_ledger::{Caller, Dimension, Dimensions, ParseIdError};

use super::baggage_members;
use crate::names::{outlay, wire};

/// Whose work a request is, as its sender says.
#[derive(Clone, Debug)]
pub struct Incoming {
    caller: Caller,
    dimensions: Dimensions,
    parent: Option<SpanContext>,
}

/// A request that does not say whose work it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// It names no task: its sender knows nothing of Outlay, or does not tell.
    #[error("the baggage names no task of Outlay's (`outlay.task.id`)")]
    NoTask,
    /// What should be an id is none.
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
    /// Reads what the sender says, which is believed: whose the work is, and so on whose account it goes. Whether the
    /// sender is to be trusted is the caller's to decide before.
    ///
    /// Names and values are cleaned and cut like any others.
    ///
    /// # Errors
    ///
    /// [`ExtractError`] where it does not say whose work it is. The work is then nobody's but this process's own.
    pub fn from_trusted(carrier: &dyn Extractor) -> Result<Self, ExtractError> {
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), carrier);
        let parent = Some(context.span().span_context().clone()).filter(SpanContext::is_valid);
        let baggage = baggage_members::first_of_each(carrier.get(wire::BAGGAGE).unwrap_or_default());
        let carrier = HashMap::from([(wire::BAGGAGE.to_owned(), baggage)]);
        let context = BaggagePropagator::new().extract_with_context(&context, &carrier);
        let baggage = context.baggage();
        let caller = caller(baggage)?;
        let mut dimensions = Dimensions::default();
        for (key, (value, _)) in baggage {
            match key.as_str().strip_prefix("outlay.") {
                Some(known) if Dimension::from_name(known).is_some() => dimensions.set_named(known, value.as_str()),
                Some(other) => {
                    if let Some(own) = other.strip_prefix("dim.") {
                        dimensions.set_custom(own, value.as_str());
                    }
                }
                None => {}
            }
        }
        Ok(Self { caller, dimensions, parent })
    }

    /// The scope that asked.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The dimensions that the sender handed on.
    pub const fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// The span around, where the sender named one.
    pub const fn parent(&self) -> Option<&SpanContext> {
        self.parent.as_ref()
    }
}

fn caller(baggage: &Baggage) -> Result<Caller, ExtractError> {
    let text = |key: &str| baggage.get(key).map(|value| value.as_str().to_owned());
    let task = text(outlay::TASK_ID).ok_or(ExtractError::NoTask)?;
    let mut caller = Caller::new(id(outlay::TASK_ID, &task)?, &text(outlay::TASK_NAME).unwrap_or_default());
    if let Some(agent) = text(outlay::AGENT_ID) {
        caller = caller.agent(id(outlay::AGENT_ID, &agent)?, &text(outlay::AGENT_NAME).unwrap_or_default());
    }
    if let Some(step) = text(outlay::STEP_ID) {
        caller = caller.step(id(outlay::STEP_ID, &step)?);
    }
    if let Some(remote) = text(wire::REMOTE_ID) {
        caller = caller.remote(id(wire::REMOTE_ID, &remote)?);
    }
    Ok(caller)
}

fn id<T: std::str::FromStr<Err = ParseIdError>>(member: &'static str, text: &str) -> Result<T, ExtractError> {
    text.parse().map_err(|source| ExtractError::BadId { member, source })
}
