//! Serialization of reports: the figures of the task, and its records as a flat list.

use std::time::{Duration, SystemTime};

use outlay_ledger::{BudgetExceeded, BudgetStatus, Dimensions, Record, ScopeKind, ScopeRecord, TaskId, Totals};
use outlay_price::{CostStatus, Usd};
use serde::{Serialize, Serializer};

use crate::Report;

#[derive(Serialize)]
struct ReportJson<'a> {
    task_id: TaskId,
    task: &'a str,
    #[serde(serialize_with = "outlay_ledger::serialize_time")]
    started: SystemTime,
    duration_seconds: Option<f64>,
    outcome: &'static str,
    value_usd: Option<Usd>,
    dimensions: &'a Dimensions,
    trace_id: Option<&'a str>,
    totals: &'a Totals,
    budget: Option<BudgetStatus>,
    refusals: &'a [BudgetExceeded],
    /// In the order of the tree: each after the scope that it is in.
    records: Vec<RecordJson<'a>>,
}

#[derive(Serialize)]
struct RecordJson<'a> {
    /// How many scopes it is in, below the task.
    depth: usize,
    /// `agent`, the kind of step, `call`, `charge`, `remote`, or `elided` for those that are left out.
    kind: &'a str,
    name: &'a str,
    /// `None` if no part is known.
    usd: Option<Usd>,
    status: Option<&'static str>,
    duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.record();
        let json = ReportJson {
            task_id: record.id,
            task: &record.root.name,
            started: record.root.started,
            duration_seconds: record.root.duration().map(|duration| duration.as_secs_f64()),
            outcome: record.outcome.kind().as_str(),
            value_usd: record.outcome.value_usd(),
            dimensions: &record.dimensions,
            trace_id: self.trace_id(),
            totals: self.totals(),
            budget: record.budget,
            refusals: &record.refusals,
            records: records(&record.root),
        };
        json.serialize(serializer)
    }
}

/// Returns the records below a scope, without recursion.
fn records(root: &ScopeRecord) -> Vec<RecordJson<'_>> {
    let mut all = Vec::new();
    let mut open = vec![(root, root.children.iter())];
    while let Some((scope, children)) = open.last_mut() {
        let scope = *scope;
        let child = children.next();
        let depth = open.len() - 1;
        match child {
            Some(Record::Scope(inner)) => {
                all.push(of_scope(depth, inner));
                open.push((inner, inner.children.iter()));
            }
            Some(other) => all.extend(of_record(depth, other)),
            None => {
                if scope.elided.records > 0 {
                    let usd = Some(scope.elided.cost);
                    all.push(RecordJson { usd, records: Some(scope.elided.records), ..plain(depth, "elided", "") });
                }
                open.pop();
            }
        }
    }
    all
}

fn of_scope(depth: usize, scope: &ScopeRecord) -> RecordJson<'_> {
    let kind = match &scope.kind {
        ScopeKind::Task => "task",
        ScopeKind::Agent => "agent",
        ScopeKind::Step(kind) => kind.as_str(),
    };
    let cost = scope.totals.cost();
    RecordJson {
        usd: cost.usd(),
        status: Some(cost.status().as_str()),
        duration_seconds: scope.duration().map(|duration| duration.as_secs_f64()),
        failure: scope.failure.as_deref(),
        ..plain(depth, kind, &scope.name)
    }
}

fn of_record(depth: usize, record: &Record) -> Option<RecordJson<'_>> {
    let seconds = |started: SystemTime, ended: SystemTime| {
        Some(ended.duration_since(started).as_ref().map_or(0.0, Duration::as_secs_f64))
    };
    Some(match record {
        Record::Call(call) => {
            let is_known = call.charge.is_priced() || !call.charge.total().is_zero();
            RecordJson {
                usd: Some(call.charge.total()).filter(|_| is_known),
                status: Some(call.charge.status().as_str()),
                duration_seconds: seconds(call.started, call.ended),
                failure: call.failed.then_some("the call failed"),
                input_tokens: Some(call.usage.input_tokens()),
                output_tokens: Some(call.usage.output_tokens()),
                attempts: Some(call.attempts.len()),
                ..plain(depth, "call", &call.model)
            }
        }
        Record::Charge(charge) => RecordJson {
            usd: Some(charge.charge.total()),
            status: Some(charge.charge.status().as_str()),
            ..plain(depth, "charge", &charge.name)
        },
        Record::Remote(remote) => RecordJson {
            usd: remote.totals.as_ref().and_then(|totals| totals.cost().usd()),
            status: Some(remote.totals.as_ref().map_or(CostStatus::Unpriced, |totals| totals.cost().status()).as_str()),
            duration_seconds: seconds(remote.started, remote.ended),
            ..plain(depth, "remote", &remote.name)
        },
        _ => return None,
    })
}

const fn plain<'a>(depth: usize, kind: &'a str, name: &'a str) -> RecordJson<'a> {
    RecordJson {
        depth,
        kind,
        name,
        usd: None,
        status: None,
        duration_seconds: None,
        failure: None,
        input_tokens: None,
        output_tokens: None,
        attempts: None,
        records: None,
    }
}
