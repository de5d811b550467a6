//! What the integration tests have in common: a simulator, an `Outlay` with exporters in memory, a metered client, and
//! ways to look at the spans and metrics that came out.

mod calls;
mod harness;
mod independent;
mod metrics;
mod shared_budgets;
mod spans;
mod store;
mod warnings;

pub use calls::{Got, NATIVE_BODY, Streamed, call_spans, eventually, invoke, stream_whole};
pub use harness::{Harness, client_config, converse, haiku, user};
pub use independent::Independent;
pub use metrics::{MetricPoint, read_points};
pub use shared_budgets::SharedBudgets;
pub use spans::{Span, Spans};
pub use store::MetricStore;
pub use warnings::Warnings;

/// Claude Haiku 4.5 at `us.` prices: $1.10 per million tokens in, $5.50 out.
pub const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
/// The most tokens that Converse's prompt of [`converse`] is taken for: 5 bytes of text, 16 each for its message and its
/// block, and what stands around every prompt.
pub const HELLO: i64 = 1_024 + 16 + 16 + 5;
/// Claude Sonnet 4.5 at `us.` prices: $3.30 in, $16.50 out, cache reads $0.33, writes $4.125 and $6.60.
pub const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
