//! Settles calls: prices them, counts them in the ledger, and writes their spans and metrics.

use outlay_price::{Charge, CostStatus};

use super::begin::OpenCall;
use super::billed::Billed;
use super::build_call_record::record;
use super::call_end::CallEnd;
use super::call_span::{self, CallSpan};
use super::call_start::CallStart;
use super::end_job::end_job;
use super::look_up_price::{self, charge_guardrail};
use super::operation::Operation;
use super::settled_call::SettledCall;
use crate::core::Core;
use crate::registry::{Job, JobEvent};
use crate::scope::TracedScope;
use crate::semconv::Semconv;

impl OpenCall {
    /// Settles the call: prices it, counts it in the ledger, and writes its span and metrics.
    pub fn settle(self, mut end: CallEnd) -> CallSpan {
        let Self { scope, start, pending, context, site } = self;
        let core = scope.core();
        let prices = core.prices();
        let price = look_up_price::look_up(&prices, &start, &end);
        if price.is_none() && !matches!(end.billed, Billed::Nothing) {
            look_up_price::warn_of_unpriced(core, &start.model, start.region.as_deref());
        }
        let mut charge = charge_guardrail(&start, &prices, &end.guardrail).and(look_up_price::charge_inferences(
            &end.billed,
            &end.inferences,
            price.as_ref(),
        ));
        for (billed, guardrail) in &end.lost_attempts {
            let guardrail = charge_guardrail(&start, &prices, guardrail);
            charge = charge.and(look_up_price::charge(billed, price.as_ref())).and(guardrail);
        }
        measure_prompt(core, &start, &end.billed);
        match &end.job {
            // The request repeats an earlier one for the same job, which has been charged.
            Some(JobEvent::Started(arn)) if !core.jobs.open(arn, job(&scope, &charge)) => {
                end.billed = Billed::Nothing;
                charge = Charge::free();
            }
            Some(JobEvent::Ended(arn, how)) => end_job(core, arn, *how),
            Some(JobEvent::Started(_)) | None => {}
        }
        // Before the ledger settles the call, which may close the scope and measure it.
        if core.semconv == Semconv::Latest && start.operation.is_inference() && !end.refused {
            scope.count_call();
        }
        let ended = core.now();
        let settled = match pending {
            Some(pending) => pending.settle(record(&start, &end, charge, price.as_ref(), ended)),
            None => scope.in_ledger().settled_so_far(),
        };
        let call = SettledCall { scope: scope.in_ledger().clone(), start, end, charge, price, ended, settled, site };
        core.metrics.record_call(&call);
        let span = call_span::write(&call, &scope, &context);
        if let Some(signer) = &call.end.signer {
            call.scope.record_principal(&signer.principal);
        }
        span
    }
}

/// Records how the estimated size of the prompt compares with its exact size.
fn measure_prompt(core: &Core, start: &CallStart, billed: &Billed) {
    if let (Billed::Tokens(usage, CostStatus::Exact), Operation::Chat) = (billed, start.operation) {
        core.measured_prompts.record(&start.model, start.prompt, usage.input_tokens());
    }
}

fn job(scope: &TracedScope, charge: &Charge) -> Job {
    Job { charged: *charge, attributes: scope.attributes().to_vec(), task: scope.task_span() }
}
