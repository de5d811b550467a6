//! Support for the integration tests: a harness of a simulator, an `Outlay` with in-memory exporters and a metered
//! client, and readers of the exported spans and metrics.

mod calls;
mod exported_spans;
mod harness;
mod independent;
mod manual_clock;
mod metric_points;
mod metric_store;
mod shared_budgets;
mod warnings;

pub use calls::{NATIVE_BODY, StreamRead, Streamed, call_spans, eventually, invoke, read_stream};
pub use exported_spans::{Span, Spans};
pub use harness::{Harness, client_config, converse, haiku, user};
pub use independent::{Independent, run_independent};
pub use manual_clock::ManualClock;
pub use metric_points::{MetricPoint, read_points};
pub use metric_store::MetricStore;
pub use shared_budgets::SharedBudgets;
pub use warnings::Warnings;

/// Claude Haiku 4.5 at `us.` prices: $1.10 per million tokens in, $5.50 out.
pub const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
/// The maximum number of tokens assumed for the prompt of [`converse`]: 5 for the bytes of its text, 16 each for its
/// message and its block, and 1,024 for the overhead of every prompt.
pub const HELLO_TOKENS: i64 = 1_024 + 16 + 16 + 5;
/// Claude Sonnet 4.5 at `us.` prices: $3.30 in, $16.50 out, cache reads $0.33, writes $4.125 and $6.60.
pub const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
