use std::fmt;

use outlay_ledger::{BudgetExceeded, BudgetStatus, Outcome, TaskRecord, Totals};

use crate::{Style, text};

/// What a task cost, and on what.
///
/// `Display` prints the cost tree as suits the environment ([`Style::detect`]); [`render`](Self::render) takes the
/// style by hand.
#[derive(Clone, Debug)]
pub struct Report {
    record: TaskRecord,
    trace_id: Option<Box<str>>,
    hint: Option<Box<str>>,
}

impl Report {
    /// The report of a task.
    pub const fn new(record: TaskRecord) -> Self {
        Self { record, trace_id: None, hint: None }
    }

    /// The trace that shows the same task: 32 hexadecimal digits. Anything else is ignored, for a wrong trace leads
    /// nowhere.
    #[must_use]
    pub fn with_trace_id(mut self, trace_id: &str) -> Self {
        let valid = trace_id.len() == 32 && trace_id.bytes().all(|b| b.is_ascii_hexdigit());
        self.trace_id = valid.then(|| trace_id.to_ascii_lowercase().into());
        self
    }

    /// What to do to see more, as the last line: a command, an address. It is printed whole, however long it is,
    /// so that it can be copied; it is the one line that no width holds.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The task and all that it held.
    pub const fn record(&self) -> &TaskRecord {
        &self.record
    }

    /// What the task cost.
    pub const fn totals(&self) -> &Totals {
        &self.record.root.totals
    }

    /// How the task ended.
    pub const fn outcome(&self) -> Outcome {
        self.record.outcome
    }

    /// The calls that the task's budget refused; the first 100.
    pub fn refusals(&self) -> &[BudgetExceeded] {
        &self.record.refusals
    }

    /// How the task's budget stands, where it has one.
    pub const fn budget(&self) -> Option<BudgetStatus> {
        self.record.budget
    }

    /// The trace that shows the same task, as 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// The cost tree as text, without a newline at its end.
    pub fn render(&self, style: Style) -> String {
        text::render(self, style)
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::detect()))
    }
}
