//! Reports alerts of the ledger: as a log line with the trace id, an event on the current span, a metric, and to the
//! application's function.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue, TraceId};
use outlay_ledger::{Alert, AlertKind};

use crate::metrics::Metrics;
use crate::names::{event, outlay};
use crate::notice::{Notice, OnAlert};
use crate::registry::OpenTasks;

/// Returns the observer of the ledger's alerts.
pub(crate) fn observer(
    metrics: Arc<Metrics>,
    open: Arc<OpenTasks>,
    on_alert: OnAlert,
) -> impl Fn(&Alert<'_>) + Send + Sync {
    move |alert| {
        let task_id = alert.task.id;
        let current = Context::map_current(|context| context.span().span_context().trace_id());
        let trace = open.trace_of(task_id).or(Some(current)).filter(|id| *id != TraceId::INVALID);
        let notice = Notice {
            name: alert.name.to_owned(),
            kind: alert.kind.clone(),
            task_id,
            task: alert.task.name.clone(),
            trace_id: trace.map(|id| id.to_string()),
        };
        metrics.alert(alert);
        log(&notice, alert.first_in_task);
        // A repeated alert adds no further event to the span.
        if alert.first_in_scope {
            add_event(&notice);
        }
        on_alert.call(&notice);
    }
}

fn log(notice: &Notice, first_in_task: bool) {
    let Notice { name, kind, task_id, task, trace_id } = notice;
    let (task, trace_id) = (&**task, trace_id.as_deref().unwrap_or("none"));
    match kind {
        AlertKind::SoftLimit(status) => tracing::warn!(
            target: "outlay",
            budget = name,
            task,
            %task_id,
            trace_id,
            spent = %status.spent,
            limit = %status.limit,
            "a budget has reached its soft limit"
        ),
        // Refusals tend to repeat: the metric counts all of them, and the log warns of one in each period.
        AlertKind::Refused(error) if error.is_first() => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{error}");
        }
        AlertKind::Refused(error) => tracing::debug!(target: "outlay", task, %task_id, trace_id, "{error}"),
        AlertKind::WouldRefuse(error) if error.is_first() => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "observed only, not enforced: {error}");
        }
        AlertKind::WouldRefuse(error) => {
            tracing::debug!(target: "outlay", task, %task_id, trace_id, "observed only, not enforced: {error}");
        }
        AlertKind::Violation(error) if first_in_task => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{error}");
        }
        AlertKind::Violation(error) => tracing::debug!(target: "outlay", task, %task_id, trace_id, "{error}"),
        AlertKind::Stopped(error) if first_in_task => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{error}");
        }
        AlertKind::Stopped(error) => tracing::debug!(target: "outlay", task, %task_id, trace_id, "{error}"),
        AlertKind::Runaway(sign) => tracing::warn!(
            target: "outlay",
            task,
            %task_id,
            trace_id,
            sign = sign.as_str(),
            "a task looks like a runaway: {sign}"
        ),
        AlertKind::BudgetsForgotten(budgets) => tracing::warn!(
            target: "outlay",
            budget = name,
            budgets,
            "a rule without a period has too many budgets: the least recently used ones were forgotten, with what they \
             had spent; give the rule a period, or keep its budgets in a store"
        ),
        AlertKind::TooManyBudgets(budgets) => tracing::warn!(
            target: "outlay",
            budget = name,
            budgets,
            task,
            "a rule has reached its maximum number of budgets: a task that needs another one gets the rule's limit for \
             itself, and does not share it with similar tasks"
        ),
        _ => {}
    }
}

/// Adds the alert as an event to the current span, if that is recorded.
fn add_event(notice: &Notice) {
    let budget = |spent: &dyn fmt::Display, limit: &dyn fmt::Display| {
        vec![
            KeyValue::new(outlay::BUDGET_NAME, notice.name.clone()),
            KeyValue::new(outlay::BUDGET_SPENT, spent.to_string()),
            KeyValue::new(outlay::BUDGET_LIMIT, limit.to_string()),
        ]
    };
    let (name, attributes) = match &notice.kind {
        AlertKind::SoftLimit(status) => (event::BUDGET_SOFT_LIMIT, budget(&status.spent, &status.limit)),
        AlertKind::Refused(error) => (event::BUDGET_REFUSED, budget(&error.spent(), &error.limit())),
        AlertKind::WouldRefuse(error) => (event::BUDGET_WOULD_REFUSE, budget(&error.spent(), &error.limit())),
        AlertKind::Stopped(error) => (
            event::STOPPED,
            vec![
                KeyValue::new(outlay::STOP_TARGET, error.what().to_owned()),
                KeyValue::new(outlay::STOP_REASON, error.reason().to_owned()),
            ],
        ),
        AlertKind::Violation(error) => (
            event::POLICY_VIOLATION,
            vec![
                KeyValue::new(outlay::POLICY_RULE, error.rule().to_owned()),
                KeyValue::new(outlay::POLICY_VIOLATION, error.violation().to_string()),
            ],
        ),
        AlertKind::Runaway(sign) => (
            event::RUNAWAY,
            vec![
                KeyValue::new(outlay::RUNAWAY_SIGN, sign.as_str()),
                KeyValue::new(outlay::RUNAWAY_EVIDENCE, sign.to_string()),
            ],
        ),
        _ => return,
    };
    Context::map_current(|context| {
        let span = context.span();
        if span.is_recording() {
            span.add_event(name, attributes);
        }
    });
}
