//! The properties of a task: its name, dimensions, kinds, caller and outcome.

mod bounded_name;
mod caller;
mod dimensions;
mod kind;
mod outcome;
mod task_words;

pub(crate) use bounded_name::{MAX_NAME, bounded_name, scope_name};
pub use caller::Caller;
pub use dimensions::{Dimension, Dimensions};
pub use kind::{CostKind, ScopeKind, StepKind};
pub use outcome::{Outcome, OutcomeKind};
pub(crate) use task_words::{TaskWords, clean_word, clean_word_key};
