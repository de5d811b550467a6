use std::sync::Arc;

use jiff::Timestamp;
use outlay_ledger::{CallRecord, Record, ScopeRecord};
use outlay_price::{Charge, CostStatus, ModelRef, PriceQuery, Prices, Used};

use crate::Report;

/// What the calls of a task cost by another price table: one that has learned of a model since, or whose prices are
/// others.
///
/// What was charged stays charged; this is a second look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Repriced {
    /// The calls, in the order of the report.
    pub calls: Vec<RepricedCall>,
    /// How many calls, charges and scopes the report did not keep, and so nobody can price.
    pub elided: u64,
}

/// A call of a task, priced a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepricedCall {
    /// The model as the application asked for it.
    pub model: Arc<str>,
    /// What it was charged.
    pub charged: Charge,
    /// What it costs by the other table.
    pub now: Charge,
}

impl Report {
    /// The task's calls, priced by these prices as of the time of each call.
    ///
    /// A call whose use is not known, such as a dropped stream, keeps its charge.
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
    /// What the calls cost by the other table, together.
    pub fn now(&self) -> Charge {
        self.sum(|call| call.now)
    }

    /// What they were charged, together.
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

/// `None` where nobody knows what the call used, or what it would be priced as.
fn price(call: &CallRecord, prices: &Prices) -> Option<Charge> {
    let counted = call.counted?;
    let priced_as = &call.priced_as;
    let model = ModelRef::parse(priced_as.model.as_deref().unwrap_or(&call.model)).ok()?;
    let mut query = PriceQuery::new(model, Timestamp::try_from(call.started).ok()?);
    query.region = priced_as.region.as_deref();
    query.tier = priced_as.tier?;
    query.latency = priced_as.latency?;
    let charge = if used_its_model(call) {
        let used = Used { tokens: call.usage, units: call.units.clone(), guardrail: call.guardrail.clone() };
        prices.charge(&query, &used)
    } else if call.charge.is_priced() {
        // It was refused, or is a guardrail on its own.
        prices.charge_guardrail(&query, &call.guardrail)
    } else {
        return None;
    };
    Some(charge.with_status(counted))
}

fn used_its_model(call: &CallRecord) -> bool {
    !call.usage.is_empty() || call.units.as_ref().is_some_and(|units| !units.is_empty())
}
