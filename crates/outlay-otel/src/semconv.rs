//! The release of the conventions that names spans and metrics, and its schema.

use opentelemetry::InstrumentationScope;

use crate::names;

/// The release of the GenAI semantic conventions that names the `gen_ai.*` attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Semconv {
    /// The names of 1.41, which current viewers read. 1.42 deprecates all of them.
    #[default]
    V1_41,
    /// The names of 0.1.0, the first release of the conventions' own repository, for spans and metrics. No viewer was
    /// found that reads its metrics. Spans and metrics have no schema URL. What differs, and what is not written yet, is
    /// listed in the repository's `crates/outlay/docs/guide/conventions.md`.
    Latest,
}

/// A value for each release. The provider that it is made from may be given before the release is chosen.
#[derive(Clone, Debug)]
pub(crate) struct PerRelease<T> {
    of_1_41: T,
    of_latest: T,
}

impl<T> PerRelease<T> {
    /// Makes the value of each release from the release's instrumentation scope.
    pub(crate) fn new(make: impl Fn(InstrumentationScope) -> T) -> Self {
        let of = |semconv| make(instrumentation_scope(semconv));
        Self { of_1_41: of(Semconv::V1_41), of_latest: of(Semconv::Latest) }
    }

    pub(crate) fn get(&self, semconv: Semconv) -> &T {
        match semconv {
            Semconv::V1_41 => &self.of_1_41,
            Semconv::Latest => &self.of_latest,
        }
    }
}

/// Returns the instrumentation scope of all of Outlay's spans and metrics, with its version and schema.
pub(crate) fn instrumentation_scope(semconv: Semconv) -> InstrumentationScope {
    let scope = InstrumentationScope::builder(names::SCOPE).with_version(env!("CARGO_PKG_VERSION"));
    match semconv {
        Semconv::V1_41 => scope.with_schema_url(names::SCHEMA_URL).build(),
        // The address of its schema has not been published.
        Semconv::Latest => scope.build(),
    }
}

/// Returns the instrumentation scope for the spans of a layer, without a schema URL: the layer also exports the
/// application's own spans.
pub fn scope_without_schema() -> InstrumentationScope {
    instrumentation_scope(Semconv::Latest)
}
