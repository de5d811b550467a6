//! State that is shared between calls and tasks. A registry does not keep tasks alive.

mod closed_tasks;
mod expected_receipts;
mod interned_texts;
mod issued_receipts;
mod jobs;
mod open_tasks;
mod outside_sites;
mod priced_models;

pub(crate) use closed_tasks::{ClosedTask, ClosedTasks};
pub(crate) use expected_receipts::{Expected, ExpectedReceipts, WorkHandle};
pub use expected_receipts::{PendingReceipt, ReceiveError};
pub(crate) use interned_texts::InternedTexts;
pub(crate) use issued_receipts::IssuedReceipts;
pub(crate) use jobs::{Job, Jobs};
pub use jobs::{JobEnd, JobEvent};
pub use open_tasks::OpenTask;
pub(crate) use open_tasks::OpenTasks;
pub use outside_sites::OutsideTasks;
pub(crate) use outside_sites::{OutsideSites, task_opened};
pub(crate) use priced_models::Models;
pub use priced_models::{ModelAnswer, ResolveModel};
