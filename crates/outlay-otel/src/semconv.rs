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
    /// The names of the first release of the conventions' own repository, 0.1.0, for spans and metrics. No viewer was found
    /// that reads its metrics. The guide on conventions lists what differs, and what is not written yet. Spans and metrics
    /// have no schema URL, because the address of this release is not known.
    Latest,
}

/// Returns the instrumentation scope of all of Outlay's spans and metrics, with its version and schema.
pub(crate) fn instrumentation_scope(semconv: Semconv) -> InstrumentationScope {
    let scope = InstrumentationScope::builder(names::SCOPE).with_version(env!("CARGO_PKG_VERSION"));
    match semconv {
        Semconv::V1_41 => scope.with_schema_url(names::SCHEMA_URL).build(),
        // The address of its schema is not known.
        Semconv::Latest => scope.build(),
    }
}

/// Returns the instrumentation scope for spans that are named by the application's settings, so that no schema is known.
pub fn scope_without_schema() -> InstrumentationScope {
    instrumentation_scope(Semconv::Latest)
}
