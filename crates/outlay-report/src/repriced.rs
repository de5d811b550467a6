use std::sync::Arc;

use outlay_ledger::{CallRecord, Record, ScopeRecord};
use outlay_price::{Charge, CostStatus, ModelRef, PriceQuery, Prices, Used};

use crate::Report;

/// The cost of a task's calls by another price table, such as a newer one with a model that was missing.
///
/// Repricing does not change what was charged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Repriced {
    /// The calls, in the order of the report.
    pub calls: Vec<RepricedCall>,
    /// The number of calls, charges and scopes that the report did not keep. They cannot be repriced.
    pub elided: u64,
}

/// A call of a task, priced again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepricedCall {
    /// The model id that the application used.
    pub model: Arc<str>,
    /// The charge at the time of the call.
    pub charged: Charge,
    /// The charge by the other table.
    pub now: Charge,
}

impl Report {
    /// Reprices the task's calls with these prices, as of the time of each call.
    ///
    /// A call with unknown usage, such as a dropped stream, keeps its charge.
    ///
    /// ```
    /// use outlay_ledger::{Ledger, Outcome, TaskSpec};
    /// use outlay_price::Prices;
    /// use outlay_report::Report;
    ///
    /// let task = Ledger::default().task(TaskSpec::new("resolve-ticket"));
    /// task.finish();
    /// let repriced = Report::new(task.task_record()).priced_by(&Prices::bundled());
    /// assert!(repriced.calls.is_empty());
    /// ```
    #[must_use]
    pub fn priced_by(&self, prices: &Prices) -> Repriced {
        let mut repriced = Repriced { calls: Vec::new(), elided: 0 };
        repriced.add(&self.record().root, prices);
        repriced
    }
}

impl Repriced {
    /// Returns the total of the calls by the other table.
    pub fn now(&self) -> Charge {
        self.sum(|call| call.now)
    }

    /// Returns the total that was charged for the calls.
    pub fn charged(&self) -> Charge {
        self.sum(|call| call.charged)
    }

    fn sum(&self, charge: impl Fn(&RepricedCall) -> Charge) -> Charge {
        let elided = if self.elided > 0 { CostStatus::Unpriced } else { CostStatus::Exact };
        self.calls.iter().map(charge).fold(Charge::free().with_status(elided), Charge::and)
    }

    fn add(&mut self, scope: &ScopeRecord, prices: &Prices) {
        self.elided += scope.elided.records;
        for record in &scope.children {
            match record {
                Record::Scope(scope) => self.add(scope, prices),
                Record::Call(call) if call.refused => {}
                Record::Call(call) => self.calls.push(RepricedCall {
                    model: call.model.clone(),
                    charged: call.charge,
                    now: price(call, prices).unwrap_or(call.charge),
                }),
                _ => {}
            }
        }
    }
}

/// Returns the charge of a call, or `None` if its usage or the model to price it as is unknown.
fn price(call: &CallRecord, prices: &Prices) -> Option<Charge> {
    let counted = call.counted?;
    let priced_as = &call.priced_as;
    let model = ModelRef::parse(priced_as.model.as_deref().unwrap_or(&call.model)).ok()?;
    let mut query = PriceQuery::new(model, call.started.try_into().ok()?);
    query.region = priced_as.region.as_deref();
    query.tier = priced_as.tier?;
    query.latency = priced_as.latency?;
    let charge = if used_model(call) {
        let used = Used { tokens: call.usage, units: call.units.clone(), guardrail: call.guardrail.clone() };
        prices.charge(&query, &used)
    } else if call.charge.is_priced() {
        // A refused call, or a guardrail without a model.
        prices.charge_guardrail(&query, &call.guardrail)
    } else {
        return None;
    };
    Some(charge.with_status(counted))
}

fn used_model(call: &CallRecord) -> bool {
    !call.usage.is_empty() || call.units.as_ref().is_some_and(|units| !units.is_empty())
}
