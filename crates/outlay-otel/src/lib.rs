//! OpenTelemetry for Outlay: the current scope, spans, metrics and their names.
//!
//! An [`Engine`] holds a ledger, a price table and the providers that spans and metrics go to. A [`TracedScope`] is a task,
//! an agent or a step with its span, and [`current`] returns the scope that the calling code runs in. An [`OpenCall`] is a
//! model call. When it settles, it is priced, counted in the ledger, and written to its span and the metrics.
//!
//! The crate does not depend on the AWS SDK. Most programs use it through `outlay`.

mod alerts;
mod attribute_values;
mod call;
mod callback;
mod core;
mod end_span;
mod engine;
mod instant_span;
mod metrics;
pub mod names;
mod notice;
mod on_refusal;
mod outcome_token;
mod prompt_tokens;
mod propagation;
mod registry;
mod scope;
mod semconv;
mod settings;
mod signer;
mod span_source;
mod viewer_attributes;

pub use call::{Attempt, AttemptSpans, Billed, CallEnd, CallSpan, CallStart, OpenCall, Operation};
#[doc(hidden)]
pub use callback::guarded;
pub use engine::{Engine, WeakEngine};
pub use metrics::{Attribution, UnattributedSite};
pub use notice::{Notice, OnAlert};
pub use on_refusal::{Downgrade, OnRefusal};
pub use outcome_token::{OutcomeKey, OutcomeKeyError, OutcomeToken, OutcomeTokenError, TokenSettings};
pub use prompt_tokens::PromptTokens;
pub use propagation::{ExtractError, Incoming, ReadCarrier, RemoteWork, WriteCarrier, without_outlay};
pub use registry::{JobEnd, JobEvent, ModelAnswer, OpenTask, OutsideTasks, PendingReceipt, ReceiveError, ResolveModel};
pub use scope::{EnteredScope, InScope, OpenScope, OwnedEnteredScope, ScopeGuard, TracedScope, current};
pub use semconv::{Semconv, scope_without_schema};
pub use settings::{DroppedStream, Extension, Meters, Settings, push_attribute_keys};
pub use signer::{CallIdentity, Signer};
pub use span_source::{SpanSource, suppress_missing_provider_warning};
pub use viewer_attributes::Viewer;
