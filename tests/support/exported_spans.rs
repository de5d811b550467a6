use opentelemetry::Value;
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::trace::SpanData;

/// Exported spans.
#[derive(Debug)]
pub struct Spans {
    spans: Vec<Span>,
}

/// An exported span.
#[derive(Debug)]
pub struct Span {
    data: SpanData,
}

impl Spans {
    /// Takes the spans of an exporter.
    ///
    /// # Panics
    ///
    /// If a span of ours does not end after its start.
    pub(crate) fn new(spans: Vec<SpanData>) -> Self {
        for span in spans.iter().filter(|span| span.instrumentation_scope.name() == "outlay") {
            assert!(span.end_time > span.start_time, "`{}` ends at or before its start: {span:?}", span.name);
        }
        Self { spans: spans.into_iter().map(|data| Span { data }).collect() }
    }

    /// Adds the spans of another process, as a backend does.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Returns all spans, in the order in which they ended.
    pub fn iter(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter()
    }

    /// Returns the number of spans.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns whether there are no spans.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Returns the spans with this name.
    pub fn named(&self, name: &str) -> Vec<&Span> {
        self.iter().filter(|span| span.name() == name).collect()
    }

    /// Returns the only span with this name.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    pub fn one(&self, name: &str) -> &Span {
        let found = self.named(name);
        assert_eq!(found.len(), 1, "spans named `{name}` among {:?}", self.names());
        found[0]
    }

    /// Returns the spans whose name starts with `prefix`.
    pub fn starting(&self, prefix: &str) -> Vec<&Span> {
        self.iter().filter(|span| span.name().starts_with(prefix)).collect()
    }

    /// Returns the names, in the order in which the spans ended.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(Span::name).collect()
    }

    /// Returns the children of a span.
    pub fn children(&self, parent: &Span) -> Vec<&Span> {
        self.iter().filter(|span| span.data.parent_span_id == parent.id()).collect()
    }

    /// Returns the parent of a span, if it is exported.
    pub fn parent(&self, span: &Span) -> Option<&Span> {
        self.iter().find(|parent| parent.id() == span.data.parent_span_id)
    }

    /// Returns all descendants of a span.
    pub fn below<'a>(&'a self, span: &'a Span) -> Vec<&'a Span> {
        let mut below = self.children(span);
        let mut next = 0;
        while next < below.len() {
            below.extend(self.children(below[next]));
            next += 1;
        }
        below
    }

    /// Asserts the invariants of every tree: each scope's total is exactly the sum of the costs below it; a span has each
    /// key at most once; every parent is exported.
    ///
    /// # Panics
    ///
    /// If an invariant does not hold.
    pub fn assert_conserved(&self) {
        for span in self.iter() {
            let mut keys: Vec<_> = span.data.attributes.iter().map(|a| a.key.as_str()).collect();
            keys.sort_unstable();
            let all = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), all, "a key occurs twice on `{}`", span.name());
            if span.data.parent_span_id != SpanId::INVALID && !span.data.parent_span_is_remote {
                assert!(self.parent(span).is_some(), "the parent of `{}` is not exported", span.name());
            }
            if span.has("outlay.total.status") {
                let parts: i64 = self.below(span).iter().filter_map(|s| s.int("outlay.cost.picousd")).sum();
                assert_eq!(
                    span.int("outlay.total.picousd").unwrap_or(0),
                    parts,
                    "the total of `{}` is the sum below it",
                    span.name()
                );
            }
        }
    }
}

impl Span {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// Returns the id.
    pub fn id(&self) -> SpanId {
        self.data.span_context.span_id()
    }

    /// Returns the SDK's data of the span.
    pub fn data(&self) -> &SpanData {
        &self.data
    }

    /// Returns the value of an attribute.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.data.attributes.iter().find(|a| a.key.as_str() == key).map(|a| &a.value)
    }

    /// Returns whether the span has an attribute.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Returns the value of an integer attribute.
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.value(key)? {
            Value::I64(n) => Some(*n),
            other => panic!("{key} is not an integer: {other:?}"),
        }
    }

    /// Returns the value of a double attribute.
    pub fn double(&self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::F64(n) => Some(*n),
            other => panic!("{key} is not a double: {other:?}"),
        }
    }

    /// Returns the value of a text attribute.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            Value::String(text) => Some(text.as_str()),
            other => panic!("{key} is not text: {other:?}"),
        }
    }

    /// Returns whether the status is an error.
    pub fn is_error(&self) -> bool {
        matches!(self.data.status, Status::Error { .. })
    }
}
