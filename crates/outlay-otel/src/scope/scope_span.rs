//! Starts the span of a task, an agent or a step, and completes it when the scope closes.

use std::sync::Once;
use std::time::SystemTime;

use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use outlay_ledger::{Clock as _, ClosedScope, Scope, ScopeKind, StepKind, SystemClock};
use tracing_opentelemetry::{OpenTelemetrySpanExt as _, SetParentError};

use super::current::{carry, current};
use super::record_closed_task::task_closed;
use super::scope_attributes::push_identity;
use super::span_totals;
use super::traced_scope::TracedScope;
use crate::attribute_values::{agent_name, push_dimensions};
use crate::end_span;
use crate::metrics::ClosedScopeFigures;
use crate::names::{self, outlay, semconv};
use crate::semconv::Semconv;
use crate::span_source::start_builder;
use crate::viewer_attributes::{SpanRole, push_kinds};

/// A scope's span: a `tracing` span if that is enabled, else a span directly on OpenTelemetry.
#[derive(Debug)]
pub(crate) struct ScopeSpan {
    context: Context,
    tracing: tracing::Span,
}

impl ScopeSpan {
    /// Returns the context that carries the span and its scope.
    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) const fn tracing(&self) -> &tracing::Span {
        &self.tracing
    }
}

/// Starts the span of a scope. `tool_call` is the id of the model's tool call.
pub(crate) fn start(scope: &TracedScope, tool_call: Option<&str>) -> ScopeSpan {
    let in_ledger = scope.in_ledger();
    if in_ledger.joined().is_some() && in_ledger.is_root() && matches!(in_ledger.kind(), ScopeKind::Task) {
        return join(scope);
    }
    let late_task = in_ledger.is_late().then(|| scope.task_span()).flatten();
    let parent = match &late_task {
        // The scope is outside its task's total, so its span is not below the task's span.
        Some(_) => Context::new(),
        None => parent_context(scope),
    };
    let parent = carry(&parent, scope);
    let name = span_name(in_ledger, scope.core().semconv);
    let mut attributes = start_attributes(scope, tool_call);
    if late_task.is_some() {
        attributes.push(KeyValue::new(outlay::LATE, true));
    }

    let tracing = tracing::info_span!(
        target: names::TRACING_TARGET,
        "outlay",
        otel.name = name,
        otel.kind = "internal",
    );
    if !tracing.is_disabled() {
        // Before the span starts, so that samplers see them.
        for attribute in &attributes {
            tracing.set_attribute(attribute.key.clone(), attribute.value.clone());
        }
    }
    let (context, started) = match tracing_context(&tracing, &parent) {
        // The layer has started the span just now, by the system clock.
        Some(context) => (context, SystemClock.now()),
        None => {
            let started = in_ledger.started();
            let builder = start_builder(name, SpanKind::Internal, started).with_attributes(attributes);
            match scope.core().spans.start(builder, &parent) {
                Some(span) => (parent.with_span(span), started),
                None => (parent, started),
            }
        }
    };
    let span = context.span();
    if let Some(task) = late_task {
        span.add_link(task, Vec::new());
    }
    scope.set_span_context(span.span_context().clone());
    if matches!(in_ledger.kind(), ScopeKind::Step(StepKind::Tool)) {
        scope.count_tool();
    }
    end_on_close(scope, started, context.clone(), tracing.clone());
    ScopeSpan { context, tracing }
}

/// Continues the caller's own task. Its span is in the other process, and the spans here are directly below it.
fn join(scope: &TracedScope) -> ScopeSpan {
    let context = carry(&scope.task_parent_context(), scope);
    scope.set_span_context(context.span().span_context().clone());
    let task = scope.clone();
    scope.in_ledger().on_close(move |closed: ClosedScope<'_>| task_closed(&task, closed.totals));
    ScopeSpan { context, tracing: tracing::Span::none() }
}

/// Returns the context of the OpenTelemetry span behind a `tracing` span, if there is one.
fn tracing_context(tracing: &tracing::Span, parent: &Context) -> Option<Context> {
    match tracing.set_parent(parent.clone()) {
        Ok(()) => {
            let context = tracing.context();
            let span = context.span().span_context().span_id();
            // If the layer filters the span or has no real provider, there is no span, or that of the parent.
            let own = context.has_active_span()
                && context.span().span_context().is_valid()
                && span != parent.span().span_context().span_id();
            own.then_some(context)
        }
        Err(SetParentError::LayerNotFound) => {
            warn_once_of_missing_layer();
            None
        }
        Err(_) => None,
    }
}

fn warn_once_of_missing_layer() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            target: "outlay",
            "the tracing subscriber has no OpenTelemetry layer of tracing-opentelemetry 0.34, the version that Outlay \
             is built with: the spans of tasks, agents and steps go directly to the OpenTelemetry provider, and the \
             application's own spans do not nest in them"
        );
    });
}

fn parent_context(scope: &TracedScope) -> Context {
    match scope.parent() {
        Some(parent) => parent.context(),
        None => scope.task_parent_context(),
    }
}

fn span_name(scope: &Scope, semconv: Semconv) -> String {
    let name = scope.name();
    match scope.kind() {
        ScopeKind::Task => format!("invoke_workflow {name}"),
        ScopeKind::Agent => format!("invoke_agent {name}"),
        ScopeKind::Step(StepKind::Tool) => format!("execute_tool {name}"),
        ScopeKind::Step(StepKind::Plan) if semconv == Semconv::Latest => match agent_name(scope) {
            Some(agent) => format!("plan {agent}"),
            None => "plan".to_owned(),
        },
        ScopeKind::Step(kind) => format!("{kind} {name}"),
    }
}

fn start_attributes(scope: &TracedScope, tool_call: Option<&str>) -> Vec<KeyValue> {
    let in_ledger = scope.in_ledger();
    let name = in_ledger.name().clone();
    let mut attributes = Vec::with_capacity(20);
    push_identity(&mut attributes, scope.in_ledger());
    match in_ledger.kind() {
        ScopeKind::Task => {
            attributes.push(KeyValue::new(semconv::OPERATION_NAME, "invoke_workflow"));
            let key = match scope.core().semconv {
                Semconv::V1_41 => semconv::WORKFLOW_NAME,
                Semconv::Latest => semconv::AGENT_NAME,
            };
            attributes.push(KeyValue::new(key, name));
            // A root is not inside a task of another engine either.
            match in_ledger.caller() {
                Some(caller) if in_ledger.is_root() => {
                    attributes.push(KeyValue::new(outlay::CALLER_TASK_ID, caller.task_id().to_string()));
                    attributes.push(KeyValue::new(outlay::CALLER_TASK_NAME, caller.task_name().clone()));
                }
                None if in_ledger.is_root() && current().is_none_or(|around| around.is_unattributed()) => {
                    attributes.push(KeyValue::new(outlay::TASK_ROOT, true));
                }
                _ => {}
            }
        }
        ScopeKind::Agent => {
            attributes.push(KeyValue::new(semconv::OPERATION_NAME, "invoke_agent"));
            attributes.push(KeyValue::new(semconv::AGENT_NAME, name));
        }
        ScopeKind::Step(StepKind::Tool) => {
            attributes.push(KeyValue::new(semconv::OPERATION_NAME, "execute_tool"));
            attributes.push(KeyValue::new(semconv::TOOL_NAME, name));
            attributes.push(KeyValue::new(semconv::TOOL_TYPE, semconv::FUNCTION));
            attributes.extend(tool_call.map(|id| KeyValue::new(semconv::TOOL_CALL_ID, id.to_owned())));
            push_agent_name(&mut attributes, scope);
        }
        ScopeKind::Step(StepKind::Plan) => {
            attributes.push(KeyValue::new(semconv::OPERATION_NAME, "plan"));
            push_agent_name(&mut attributes, scope);
        }
        ScopeKind::Step(_) => {}
    }
    push_kinds(&scope.core().viewers, &mut attributes, role(in_ledger.kind()));
    if !matches!(in_ledger.kind(), ScopeKind::Step(_)) {
        push_dimensions(&mut attributes, in_ledger.dimensions());
    }
    attributes
}

const fn role(kind: &ScopeKind) -> SpanRole<'_> {
    match kind {
        ScopeKind::Task => SpanRole::Task,
        ScopeKind::Agent => SpanRole::Agent,
        ScopeKind::Step(kind) => SpanRole::Step(kind),
    }
}

/// Adds the agent that a plan or a tool belongs to. Release 1.41 has the agent only on its own span.
fn push_agent_name(attributes: &mut Vec<KeyValue>, step: &TracedScope) {
    if step.core().semconv == Semconv::Latest {
        attributes.extend(agent_name(step.in_ledger()).map(|agent| KeyValue::new(semconv::AGENT_NAME, agent)));
    }
}

/// Writes the totals and ends the span when the ledger closes the scope.
fn end_on_close(scope: &TracedScope, started: SystemTime, context: Context, tracing: tracing::Span) {
    let core = scope.core().clone();
    let task = matches!(scope.in_ledger().kind(), ScopeKind::Task).then(|| scope.clone());
    let measured = (core.semconv == Semconv::Latest).then(|| scope.clone());
    scope.in_ledger().on_close(move |closed: ClosedScope<'_>| {
        if let Some(task) = &task {
            task_closed(task, closed.totals);
        }
        let span = context.span();
        let failure = failure(&closed);
        if let Some(scope) = &measured {
            measure(scope, failure.is_some());
        }
        if span.is_recording() {
            span.set_attributes(span_totals::attributes(&closed));
            if let Some(reason) = failure {
                span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, semconv::OTHER_ERROR));
                span.set_status(Status::error(reason));
            }
        }
        end_span::end_in(&context, started, core.now());
        // The `tracing` span is dropped last, because its layer ends the span with the last handle.
        drop(tracing);
    });
}

/// Records the metrics that the newer conventions have for tasks, agents and tools.
fn measure(scope: &TracedScope, has_failed: bool) {
    let (in_ledger, core) = (scope.in_ledger(), scope.core());
    let ended = in_ledger.ended().unwrap_or_else(|| core.now());
    let (own_calls, own_tools) = scope.own_calls_and_tools();
    core.metrics.scope_closed(&ClosedScopeFigures {
        scope: in_ledger,
        duration: ended.duration_since(in_ledger.started()).unwrap_or_default(),
        own_calls,
        own_tools,
        error: has_failed.then_some(semconv::OTHER_ERROR),
    });
}

fn failure(closed: &ClosedScope<'_>) -> Option<String> {
    use outlay_ledger::OutcomeKind::Failure;
    let failed_outcome =
        matches!(closed.scope.kind(), ScopeKind::Task) && closed.scope.outcome().is_some_and(|o| o.kind() == Failure);
    match closed.failure {
        Some(reason) => Some(reason.to_string()),
        None if failed_outcome => Some("its outcome is a failure".to_owned()),
        None => None,
    }
}
