//! Outlay's OpenTelemetry side: the current scope, spans, metrics and their names.
//!
//! An [`Engine`] holds a ledger, a price table and the providers that spans and metrics go to. A [`Scope`] is a task,
//! an agent or a step with its span; [`current`] finds the one that the calling code runs in, and an [`OpenCall`]
//! takes a model call from its start to its price, its place in the books, its span and its metrics.
//!
//! The crate knows nothing of AWS. Most programs use it through `outlay`.

mod alerts;
mod attempt;
mod attribution;
mod billed;
mod call;
mod callback;
mod caller;
mod current;
mod degrade;
mod engine;
mod external;
mod job;
mod late_outcome;
mod metrics;
pub mod names;
mod notice;
mod open_scope;
mod open_tasks;
mod outside_tasks;
mod price_call;
mod prompt_tokens;
mod propagation;
mod resolver;
mod scope;
mod scope_span;
mod settings;
mod span_attributes;
mod tracer;
mod viewer;

pub use attempt::{Attempt, AttemptSpans};
pub use attribution::{Attribution, UnattributedSite};
pub use billed::Billed;
pub use call::{CallEnd, CallSpan, CallStart, OpenCall, Operation};
#[doc(hidden)]
pub use callback::guarded;
pub use caller::{CallIdentity, Caller};
pub use current::{InScope, ScopeGuard, current};
pub use degrade::Degrade;
pub use engine::{Engine, WeakEngine};
pub use job::{JobEnd, JobEvent};
pub use notice::Notice;
pub use open_scope::{OpenScope, OwnedScopeEntered, ScopeEntered};
pub use open_tasks::OpenTask;
pub use outside_tasks::OutsideTasks;
pub use prompt_tokens::PromptTokens;
pub use propagation::{ExtractError, Incoming, PendingReceipt, ReceiveError, RemoteWork, without_outlay};
pub use resolver::{ModelAnswer, ResolveModel};
pub use scope::Scope;
pub use settings::{DroppedStream, EngineBuilder, Semconv};
pub use tracer::{instrumentation_scope, no_provider_is_meant};
pub use viewer::Viewer;
