use std::fmt;
use std::sync::{Arc, OnceLock};

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use super::current::{ScopeGuard, carried_by, carry};
use super::identity::push_identity;
use crate::attribute_values::push_dimensions;
use crate::core::Core;

/// A task, an agent or a step with its span. Calls are made in it. Cloning it is cheap and means the same scope.
#[derive(Clone)]
pub struct TracedScope(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    in_ledger: outlay_ledger::Scope,
    parent: Option<TracedScope>,
    /// The span in another process that the task lies below.
    asked_from: Option<SpanContext>,
    /// Where in the application it was made, if that was outside any task.
    site: Option<Arc<str>>,
    span: OnceLock<SpanContext>,
    /// What every call span of the scope carries: whose it is. Made at the first call.
    attributes: OnceLock<Box<[KeyValue]>>,
}

/// Drops the parents in a loop. A long chain of scopes would overflow the stack by recursion.
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

    /// The scope of work outside any task, at a place in the application.
    pub(crate) fn at_site(core: Arc<Core>, site: Arc<str>) -> Self {
        let in_ledger = core.ledger.unattributed().clone();
        Self::build(core, in_ledger, None, None, Some(site))
    }

    /// A task that another process asked for, below this span of it.
    pub(crate) fn asked_for(core: Arc<Core>, in_ledger: outlay_ledger::Scope, span: Option<SpanContext>) -> Self {
        Self::build(core, in_ledger, None, span, None)
    }

    fn build(
        core: Arc<Core>,
        in_ledger: outlay_ledger::Scope,
        parent: Option<Self>,
        asked_from: Option<SpanContext>,
        site: Option<Arc<str>>,
    ) -> Self {
        let (span, attributes) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { core, in_ledger, parent, asked_from, site, span, attributes }))
    }

    /// Where in the application it, or the scope around it, was made, if that was outside any task.
    pub(crate) fn site(&self) -> Option<&Arc<str>> {
        self.0.site.as_ref()
    }

    /// Returns the state of the Outlay that the scope belongs to. It serves every call in the scope.
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

    /// Returns whether the scope belongs to this Outlay.
    pub(crate) fn is_of(&self, core: &Arc<Core>) -> bool {
        Arc::ptr_eq(self.core(), core)
    }

    /// Returns the scope's span, if it has one.
    pub fn span_context(&self) -> Option<&SpanContext> {
        self.0.span.get().filter(|span| span.is_valid())
    }

    /// The span in another process that the outermost task lies below.
    pub(crate) fn asked_from(&self) -> Option<&SpanContext> {
        let mut outermost = self;
        while let Some(parent) = outermost.parent() {
            outermost = parent;
        }
        outermost.0.asked_from.as_ref()
    }

    /// The context that the task's span is made in: that of the span that asked for it, with what the application has made
    /// of that here.
    pub(crate) fn outer_context(&self) -> Context {
        let current = Context::current();
        let Some(asked) = &self.0.asked_from else { return current };
        // Below a span of other work it would be counted there.
        let is_of_other_work = carried_by(&current).is_some_and(|scope| scope.is_of(self.core()));
        match is_of_other_work || asked.trace_id() != current.span().span_context().trace_id() {
            true => current.with_remote_span_context(asked.clone()),
            false => current,
        }
    }

    /// The scope around it.
    pub fn parent(&self) -> Option<&Self> {
        self.0.parent.as_ref()
    }

    /// The span of the outermost task around it, or of the scope itself if it is that one.
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

    /// What its calls carry as the attribute of this name, where that is text: `outlay.task.id`, `outlay.team`, ...
    pub fn text_attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes().iter().find(|attribute| attribute.key.as_str() == key)?;
        match &found.value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Identity and business dimensions, as calls and charges carry them.
    pub(crate) fn attributes(&self) -> &[KeyValue] {
        self.0.attributes.get_or_init(|| {
            let mut attributes = Vec::with_capacity(20);
            push_identity(&mut attributes, self.in_ledger());
            push_dimensions(&mut attributes, self.in_ledger().dimensions());
            shared(attributes)
        })
    }

    pub(crate) fn set_span_context(&self, span: SpanContext) {
        let _ = self.0.span.set(span);
    }

    /// Returns this scope, or the one around it, that the ledger has counted something in.
    pub(crate) fn around(&self, in_ledger: &outlay_ledger::Scope) -> Self {
        let mut scope = self;
        while scope.in_ledger() != in_ledger {
            match &scope.0.parent {
                Some(parent) => scope = parent,
                None => break,
            }
        }
        scope.clone()
    }

    /// The context for a span made in this scope: the current one if it lies in this scope, so that the user's own
    /// spans stay between, else that of the scope's own span.
    pub(crate) fn context(&self) -> Context {
        let current = Context::current();
        let inside = carried_by(&current).is_some_and(|carried| carried.in_ledger() == self.in_ledger());
        match self.span_context() {
            // Outside any task there is no span to hang it under but the application's.
            None => current,
            Some(_) if inside && current.span().span_context().is_valid() => current,
            Some(span) => carry(&current.with_remote_span_context(span.clone()), self),
        }
    }
}

/// With texts that are shared when they are cloned.
fn shared(attributes: Vec<KeyValue>) -> Box<[KeyValue]> {
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
