use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};
use outlay_ledger::ScopeKind;

use super::current::{ScopeGuard, carried_by, carry};
use super::scope_attributes::push_identity;
use crate::attribute_values::push_dimensions;
use crate::core::Core;

/// A task, an agent or a step with its span. Calls are made in it. Clones are cheap and share the scope.
#[derive(Clone)]
pub struct TracedScope(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    in_ledger: outlay_ledger::Scope,
    parent: Option<TracedScope>,
    /// The span in another process that the task is below.
    remote_parent: Option<SpanContext>,
    /// The place in the application that made the scope, if it is outside any task.
    site: Option<Arc<str>>,
    span: OnceLock<SpanContext>,
    own_work: OwnWork,
    /// The attributes with the identity and dimensions of the scope for all its call spans, built at the first call.
    attributes: OnceLock<Box<[KeyValue]>>,
}

/// What a task or an agent has done itself, and not through another agent.
#[derive(Default)]
struct OwnWork {
    calls: AtomicU64,
    tools: AtomicU64,
}

/// Drops the parents in a loop, because recursion over a long chain of scopes would overflow the stack.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut inner) = next.and_then(|scope| Arc::into_inner(scope.0)) {
            next = inner.parent.take();
        }
    }
}

impl TracedScope {
    pub(crate) fn new(core: Arc<Core>, in_ledger: outlay_ledger::Scope, parent: Option<Self>) -> Self {
        let site = parent.as_ref().and_then(|parent| parent.0.site.clone());
        Self::build(core, in_ledger, parent, None, site)
    }

    /// Returns the scope for work outside any task, at a place in the application.
    pub(crate) fn at_site(core: Arc<Core>, site: Arc<str>) -> Self {
        let in_ledger = core.ledger.unattributed().clone();
        Self::build(core, in_ledger, None, None, Some(site))
    }

    /// Returns the scope of a task that another process asked for, below its span.
    pub(crate) fn for_caller(core: Arc<Core>, in_ledger: outlay_ledger::Scope, span: Option<SpanContext>) -> Self {
        Self::build(core, in_ledger, None, span, None)
    }

    fn build(
        core: Arc<Core>,
        in_ledger: outlay_ledger::Scope,
        parent: Option<Self>,
        remote_parent: Option<SpanContext>,
        site: Option<Arc<str>>,
    ) -> Self {
        let (span, attributes) = (OnceLock::new(), OnceLock::new());
        let own_work = OwnWork::default();
        Self(Arc::new(Inner { core, in_ledger, parent, remote_parent, site, span, own_work, attributes }))
    }

    /// Returns the place in the application that made the scope or its parent, if it is outside any task.
    pub(crate) fn site(&self) -> Option<&Arc<str>> {
        self.0.site.as_ref()
    }

    /// Returns the state of the engine that the scope belongs to. It serves every call in the scope.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// Returns the scope in the ledger.
    pub fn in_ledger(&self) -> &outlay_ledger::Scope {
        &self.0.in_ledger
    }

    /// Returns whether the scope belongs to no task.
    pub fn is_unattributed(&self) -> bool {
        self.0.in_ledger.is_unattributed()
    }

    /// Returns whether the scope belongs to this engine.
    pub(crate) fn belongs_to(&self, core: &Arc<Core>) -> bool {
        Arc::ptr_eq(self.core(), core)
    }

    /// Returns the scope's span, if it has one.
    pub fn span_context(&self) -> Option<&SpanContext> {
        self.0.span.get().filter(|span| span.is_valid())
    }

    /// Returns the span in another process that the outermost task is below.
    pub(crate) fn remote_parent(&self) -> Option<&SpanContext> {
        let mut outermost = self;
        while let Some(parent) = outermost.parent() {
            outermost = parent;
        }
        outermost.0.remote_parent.as_ref()
    }

    /// Returns the context that the task's span is made in: the current one if it is in the trace of the span that
    /// asked for the task, so that the application's spans stay between, else that of the span that asked.
    pub(crate) fn task_parent_context(&self) -> Context {
        let current = Context::current();
        let Some(remote) = &self.0.remote_parent else { return current };
        // Below a span of other work, the task would be counted there.
        let is_of_other_work = carried_by(&current).is_some_and(|scope| scope.belongs_to(self.core()));
        match is_of_other_work || remote.trace_id() != current.span().span_context().trace_id() {
            true => current.with_remote_span_context(remote.clone()),
            false => current,
        }
    }

    /// Returns the parent of the scope.
    pub fn parent(&self) -> Option<&Self> {
        self.0.parent.as_ref()
    }

    /// Returns the task that the scope is or lies in, or `None` outside any task.
    pub fn nearest_task(&self) -> Option<Self> {
        let mut scope = self;
        while !matches!(scope.in_ledger().kind(), ScopeKind::Task) {
            scope = scope.parent()?;
        }
        Some(scope).filter(|scope| !scope.is_unattributed()).cloned()
    }

    /// Counts a model call of the nearest agent, or of the task if there is none.
    pub(crate) fn count_call(&self) {
        self.nearest_agent().own_work.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a tool call of the nearest agent, or of the task if there is none.
    pub(crate) fn count_tool(&self) {
        self.nearest_agent().own_work.tools.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of model calls and of tool calls that a task or an agent has made itself.
    pub(crate) fn own_calls_and_tools(&self) -> (u64, u64) {
        let OwnWork { calls, tools } = &self.0.own_work;
        (calls.load(Ordering::Relaxed), tools.load(Ordering::Relaxed))
    }

    fn nearest_agent(&self) -> &Inner {
        let mut scope = self;
        while let (ScopeKind::Step(_), Some(parent)) = (scope.in_ledger().kind(), scope.parent()) {
            scope = parent;
        }
        &scope.0
    }

    /// Returns the span of the outermost task around the scope, which may be the scope itself.
    pub(crate) fn task_span(&self) -> Option<SpanContext> {
        let mut outermost = self;
        while let Some(parent) = outermost.parent() {
            outermost = parent;
        }
        outermost.span_context().cloned()
    }

    /// Makes the scope current on this thread until the guard is dropped.
    pub fn enter(&self) -> ScopeGuard {
        ScopeGuard::enter(self.clone())
    }

    /// Returns an attribute of the scope's calls, such as `outlay.task.id` or `outlay.team`, if its value is text.
    pub fn text_attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes().iter().find(|attribute| attribute.key.as_str() == key)?;
        match &found.value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Returns the identity and the business dimensions, as the spans of calls and charges have them.
    pub(crate) fn attributes(&self) -> &[KeyValue] {
        self.0.attributes.get_or_init(|| {
            let mut attributes = Vec::with_capacity(20);
            push_identity(&mut attributes, self.in_ledger());
            push_dimensions(&mut attributes, self.in_ledger().dimensions());
            with_shared_texts(attributes)
        })
    }

    pub(crate) fn set_span_context(&self, span: SpanContext) {
        let _ = self.0.span.set(span);
    }

    /// Returns this scope or the enclosing one that is `in_ledger`, in which the ledger has counted something.
    pub(crate) fn self_or_ancestor(&self, in_ledger: &outlay_ledger::Scope) -> Self {
        let mut scope = self;
        while scope.in_ledger() != in_ledger {
            match &scope.0.parent {
                Some(parent) => scope = parent,
                None => break,
            }
        }
        scope.clone()
    }

    /// Returns the context for a span in this scope: the current one if it is in this scope, so that the application's
    /// spans stay between, else that of the scope's own span.
    pub(crate) fn context(&self) -> Context {
        let current = Context::current();
        let inside = carried_by(&current).is_some_and(|carried| carried.in_ledger() == self.in_ledger());
        match self.span_context() {
            // Outside any task, the only possible parent is a span of the application.
            None => current,
            Some(_) if inside && current.span().span_context().is_valid() => current,
            Some(span) => carry(&current.with_remote_span_context(span.clone()), self),
        }
    }
}

/// Returns the attributes with texts that are cheap to clone.
fn with_shared_texts(attributes: Vec<KeyValue>) -> Box<[KeyValue]> {
    let share = |mut attribute: KeyValue| {
        if let Value::String(text) = &attribute.value {
            attribute.value = Value::String(StringValue::from(Arc::<str>::from(text.as_str())));
        }
        attribute
    };
    attributes.into_iter().map(share).collect()
}

impl PartialEq for TracedScope {
    fn eq(&self, other: &Self) -> bool {
        self.in_ledger() == other.in_ledger()
    }
}

impl Eq for TracedScope {}

impl fmt::Debug for TracedScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.in_ledger().fmt(f)
    }
}
