//! What budgets tell: as a log line with the trace, an event on the current span, a metric, and to the application.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue, TraceId};
use outlay_ledger::{BudgetEvent, BudgetEventKind, TaskId};

use crate::metrics::Metrics;
use crate::names::{event, outlay};
use crate::open_tasks::OpenTasks;

/// Something that a budget tells, with where to look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BudgetNotice {
    /// The name that the budget goes by: that of its scope, or of its rule.
    pub budget: String,
    /// What happened.
    pub kind: BudgetEventKind,
    /// The task in which it happened.
    pub task_id: TaskId,
    /// That task's name.
    pub task: Arc<str>,
    /// The trace that it is in, as 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// What the application does with notices.
#[derive(Clone, Default)]
pub(crate) struct OnBudget(Option<Arc<Tell>>);

type Tell = dyn Fn(&BudgetNotice) + Send + Sync;

impl OnBudget {
    pub(crate) fn new(tell: impl Fn(&BudgetNotice) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }
}

impl fmt::Debug for OnBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnBudget")
    }
}

/// What the ledger tells of its budgets, passed on.
pub(crate) fn observer(
    metrics: Arc<Metrics>,
    open: Arc<OpenTasks>,
    on_budget: OnBudget,
) -> impl Fn(&BudgetEvent<'_>) + Send + Sync {
    move |event| {
        let task_id = event.scope.task_id();
        let current = Context::map_current(|context| context.span().span_context().trace_id());
        let trace = open.trace_of(task_id).or(Some(current)).filter(|id| *id != TraceId::INVALID);
        let notice = BudgetNotice {
            budget: event.budget.to_owned(),
            kind: event.kind.clone(),
            task_id,
            task: event.scope.task_name().clone(),
            trace_id: trace.map(|id| id.to_string()),
        };
        metrics.budget_event(&notice);
        log(&notice);
        add_event(&notice);
        if let Some(tell) = &on_budget.0 {
            tell(&notice);
        }
    }
}

fn log(notice: &BudgetNotice) {
    let BudgetNotice { budget, kind, task_id, task, trace_id } = notice;
    let (task, trace_id) = (&**task, trace_id.as_deref().unwrap_or("none"));
    match kind {
        BudgetEventKind::SoftLimit(status) => tracing::warn!(
            target: "outlay",
            budget,
            task,
            %task_id,
            trace_id,
            spent = %status.spent,
            limit = %status.limit,
            "a budget has reached its soft limit"
        ),
        BudgetEventKind::Refused(why) => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{why}");
        }
        BudgetEventKind::WouldRefuse(why) => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "it is only observed, else {why}");
        }
        _ => {}
    }
}

/// Onto the span in which the call is made, where that is recorded.
fn add_event(notice: &BudgetNotice) {
    let (name, amounts) = match &notice.kind {
        BudgetEventKind::SoftLimit(status) => (event::BUDGET_SOFT_LIMIT, [status.spent, status.limit]),
        BudgetEventKind::Refused(why) => (event::BUDGET_REFUSED, [why.spent(), why.limit()]),
        BudgetEventKind::WouldRefuse(why) => (event::BUDGET_WOULD_REFUSE, [why.spent(), why.limit()]),
        _ => return,
    };
    Context::map_current(|context| {
        let span = context.span();
        if span.is_recording() {
            let [spent, limit] = amounts.map(|amount| amount.to_string());
            span.add_event(
                name,
                vec![
                    KeyValue::new(outlay::BUDGET_NAME, notice.budget.clone()),
                    KeyValue::new(outlay::BUDGET_SPENT, spent),
                    KeyValue::new(outlay::BUDGET_LIMIT, limit),
                ],
            );
        }
    });
}
