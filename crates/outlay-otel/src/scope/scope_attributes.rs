//! The attributes with the task, agent and step of a span.

use opentelemetry::KeyValue;
use outlay_ledger::{Caller, Scope};

use crate::names::{outlay, semconv};

/// Adds the task, agent, step and conversation.
pub(crate) fn push_identity(attributes: &mut Vec<KeyValue>, scope: &Scope) {
    push_own_identity(attributes, scope);
    if let Some(conversation) = scope.conversation() {
        attributes.push(KeyValue::new(semconv::CONVERSATION_ID, conversation.clone()));
    }
}

/// Adds the task, agent and step, with Outlay's own attributes only.
pub(crate) fn push_own_identity(attributes: &mut Vec<KeyValue>, scope: &Scope) {
    attributes.push(KeyValue::new(outlay::TASK_ID, scope.task_id().to_string()));
    attributes.push(KeyValue::new(outlay::TASK_NAME, scope.task_name().clone()));
    // If the caller's own task continues here, so do its agent and step.
    let caller = scope.joined();
    if let Some((id, name)) = scope.agent_in_scope().or_else(|| caller?.agent_in_scope().cloned()) {
        attributes.push(KeyValue::new(outlay::AGENT_ID, id.to_string()));
        attributes.push(KeyValue::new(outlay::AGENT_NAME, name));
    }
    if let Some((id, kind, name)) = scope.step_in_scope() {
        attributes.push(KeyValue::new(outlay::STEP_ID, id.to_string()));
        attributes.push(KeyValue::new(outlay::STEP_KIND, kind.as_str().to_owned()));
        attributes.push(KeyValue::new(outlay::STEP_NAME, name.clone()));
    } else if let Some(id) = caller.filter(|_| scope.is_root()).and_then(Caller::step_id) {
        attributes.push(KeyValue::new(outlay::STEP_ID, id.to_string()));
    }
}
