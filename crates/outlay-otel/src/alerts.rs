//! Reports alerts of the ledger: as a log line with the trace, an event on the current span, a metric, and to the
//! application.

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
        metrics.alert(&notice);
        log(&notice, alert.first_in_task);
        // A span holds one event of each, however many calls come to it.
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
        // Where one call is refused, many are: the metric counts them, and one is told in each period.
        AlertKind::Refused(why) if why.is_first() => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{why}");
        }
        AlertKind::Refused(why) => tracing::debug!(target: "outlay", task, %task_id, trace_id, "{why}"),
        AlertKind::WouldRefuse(why) if why.is_first() => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "it is only observed, else {why}");
        }
        AlertKind::WouldRefuse(why) => {
            tracing::debug!(target: "outlay", task, %task_id, trace_id, "it is only observed, else {why}");
        }
        AlertKind::Violation(why) if first_in_task => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{why}");
        }
        AlertKind::Violation(why) => tracing::debug!(target: "outlay", task, %task_id, trace_id, "{why}"),
        AlertKind::Stopped(why) if first_in_task => {
            tracing::warn!(target: "outlay", task, %task_id, trace_id, "{why}");
        }
        AlertKind::Stopped(why) => tracing::debug!(target: "outlay", task, %task_id, trace_id, "{why}"),
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
            "a rule without a period has made so many budgets that those of which no task has spent for longest were \
             forgotten, with what was spent of them: give it a period, or hold its budgets in a store"
        ),
        AlertKind::TooManyBudgets(budgets) => tracing::warn!(
            target: "outlay",
            budget = name,
            budgets,
            task,
            "a rule has as many budgets as it keeps: a task that needs another one is held to the rule's limit by itself, and \
             not with others like it"
        ),
        _ => {}
    }
}

/// Onto the span in which the call is made, where that is recorded.
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
        AlertKind::Refused(why) => (event::BUDGET_REFUSED, budget(&why.spent(), &why.limit())),
        AlertKind::WouldRefuse(why) => (event::BUDGET_WOULD_REFUSE, budget(&why.spent(), &why.limit())),
        AlertKind::Stopped(why) => (
            event::STOPPED,
            vec![
                KeyValue::new(outlay::STOP_TARGET, why.what().to_owned()),
                KeyValue::new(outlay::STOP_REASON, why.reason().to_owned()),
            ],
        ),
        AlertKind::Violation(why) => (
            event::POLICY_VIOLATION,
            vec![
                KeyValue::new(outlay::POLICY_RULE, why.rule().to_owned()),
                KeyValue::new(outlay::POLICY_VIOLATION, why.violation().to_string()),
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
