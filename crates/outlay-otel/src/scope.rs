use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use crate::Engine;
use crate::current::{ScopeGuard, carried_by, carry};
use crate::span_attributes::{push_dimensions, push_identity};

/// A task, an agent or a step, for those who make calls in it. Cloning it is cheap and means the same scope.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

/// A scope that may have gone.
pub(crate) struct WeakScope(Weak<Inner>);

struct Inner {
    engine: Engine,
    books: outlay_ledger::Scope,
    parent: Option<Scope>,
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

impl Scope {
    pub(crate) fn new(engine: Engine, books: outlay_ledger::Scope, parent: Option<Self>) -> Self {
        let site = parent.as_ref().and_then(|parent| parent.0.site.clone());
        Self::build(engine, books, parent, None, site)
    }

    /// The scope of work outside any task, at a place in the application.
    pub(crate) fn at_site(engine: Engine, site: Arc<str>) -> Self {
        let books = engine.inner().ledger.unattributed().clone();
        Self::build(engine, books, None, None, Some(site))
    }

    /// A task that another process asked for, below this span of it.
    pub(crate) fn asked_for(engine: Engine, books: outlay_ledger::Scope, span: Option<SpanContext>) -> Self {
        Self::build(engine, books, None, span, None)
    }

    fn build(
        engine: Engine,
        books: outlay_ledger::Scope,
        parent: Option<Self>,
        asked_from: Option<SpanContext>,
        site: Option<Arc<str>>,
    ) -> Self {
        let (span, attributes) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { engine, books, parent, asked_from, site, span, attributes }))
    }

    /// Where in the application it, or the scope around it, was made, if that was outside any task.
    pub(crate) fn site(&self) -> Option<&Arc<str>> {
        self.0.site.as_ref()
    }

    /// The engine that the scope belongs to.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The scope in the ledger.
    pub fn books(&self) -> &outlay_ledger::Scope {
        &self.0.books
    }

    /// Whether it lies in no task.
    pub fn is_unattributed(&self) -> bool {
        self.books().task_id() == self.engine().inner().ledger.unattributed().task_id()
    }

    pub(crate) fn downgrade(&self) -> WeakScope {
        WeakScope(Arc::downgrade(&self.0))
    }

    /// The scope's span, where it has one.
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
        let is_of_other_work = carried_by(&current).is_some_and(|scope| scope.engine() == self.engine());
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
            push_identity(&mut attributes, self);
            push_dimensions(&mut attributes, self.books().dimensions());
            shared(attributes)
        })
    }

    pub(crate) fn set_span_context(&self, span: SpanContext) {
        let _ = self.0.span.set(span);
    }

    /// This scope or the one around it that the books mean.
    pub(crate) fn of_books(&self, books: &outlay_ledger::Scope) -> Self {
        let mut scope = self;
        while scope.books() != books {
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
        let inside = carried_by(&current).is_some_and(|carried| carried.books() == self.books());
        match self.span_context() {
            // Outside any task there is no span to hang it under but the application's.
            None => current,
            Some(_) if inside && current.span().span_context().is_valid() => current,
            Some(span) => carry(&current.with_remote_span_context(span.clone()), self),
        }
    }
}

impl WeakScope {
    pub(crate) fn upgrade(&self) -> Option<Scope> {
        self.0.upgrade().map(Scope)
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

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.books() == other.books()
    }
}

impl Eq for Scope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.books().fmt(f)
    }
}
