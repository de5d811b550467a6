//! The attributes that say which task, agent and step a span belongs to.

use opentelemetry::KeyValue;
use outlay_ledger::{Caller, Scope};

use crate::names::{outlay, semconv};

/// Whose the span is: task, agent, step and conversation.
pub(crate) fn push_identity(attributes: &mut Vec<KeyValue>, scope: &Scope) {
    push_own_identity(attributes, scope);
    if let Some(conversation) = scope.conversation() {
        attributes.push(KeyValue::new(semconv::CONVERSATION_ID, conversation.clone()));
    }
}

/// The same by names of the library's own alone.
pub(crate) fn push_own_identity(attributes: &mut Vec<KeyValue>, scope: &Scope) {
    attributes.push(KeyValue::new(outlay::TASK_ID, scope.task_id().to_string()));
    attributes.push(KeyValue::new(outlay::TASK_NAME, scope.task_name().clone()));
    // Where the caller's own task goes on, its agent and step go on too.
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
