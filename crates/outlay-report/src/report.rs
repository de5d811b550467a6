use outlay_ledger::{BudgetExceeded, BudgetStatus, Outcome, TaskRecord, Totals};

/// A report of what a task cost, and on what.
///
/// `Display` prints the cost tree in the style that fits the environment ([`Style::detect`](crate::Style::detect)). Use
/// [`render`](Self::render) to choose the style.
#[derive(Clone, Debug)]
pub struct Report {
    record: TaskRecord,
    trace_id: Option<Box<str>>,
    hint: Option<Box<str>>,
}

impl Report {
    /// Returns the report of a task.
    pub const fn new(record: TaskRecord) -> Self {
        Self { record, trace_id: None, hint: None }
    }

    /// Sets the id of the trace that shows the same task: 32 hexadecimal digits. Any other text sets none, because a
    /// wrong id would lead nowhere. Defaults to none.
    #[must_use]
    pub fn with_trace_id(mut self, trace_id: &str) -> Self {
        let valid = trace_id.len() == 32 && trace_id.bytes().all(|b| b.is_ascii_hexdigit());
        self.trace_id = valid.then(|| trace_id.to_ascii_lowercase().into());
        self
    }

    /// Sets the last line, which says how to see more: a command or an address. Defaults to none.
    ///
    /// It is always printed whole so that it can be copied, even if it is wider than the style allows.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the task and everything in it.
    pub const fn record(&self) -> &TaskRecord {
        &self.record
    }

    /// Returns what the task cost.
    pub const fn totals(&self) -> &Totals {
        &self.record.root.totals
    }

    /// Returns how the task ended.
    pub const fn outcome(&self) -> Outcome {
        self.record.outcome
    }

    /// Returns the first 100 calls that the task's budget refused.
    pub fn refusals(&self) -> &[BudgetExceeded] {
        &self.record.refusals
    }

    /// Returns the status of the task's budget, or `None` if it has none.
    pub const fn budget(&self) -> Option<BudgetStatus> {
        self.record.budget
    }

    /// Returns the id of the trace that shows the same task, as 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
