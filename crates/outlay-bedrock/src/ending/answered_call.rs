//! Bills an answer by its counts: exact if all counts are there and nothing contradicts them, estimated if one is
//! missing.

use outlay_otel::{Billed, CallEnd, Operation};
use outlay_price::{CacheTtl, CostStatus, Family, NamedModel, Units, Usage};

use super::Context;
use crate::input::CacheRequest;
use crate::units::{ReportedUnits, RequestedUnits};
use crate::usage::{Counts, Doubts, Found, GuardrailReport, Members, default_ttl};

/// What was read from an answer.
pub(super) struct Reading {
    pub(super) found: Found,
    /// The family of the model that answered.
    pub(super) family: Family,
    /// What the request asked the cache to store.
    pub(super) cache_request: CacheRequest,
    /// The counts of each inference, if there were several.
    pub(super) inferences: Vec<Counts>,
    /// Tools that the vendor ran, as the answer reports them. They are billed in addition to tokens.
    pub(super) units: Units,
    /// Images and queries that the answer reports.
    pub(super) reported: ReportedUnits,
    /// Whether the answer is known to have no output tokens.
    pub(super) has_no_output: bool,
    /// Bytes of the model's output, if they were counted.
    pub(super) text_bytes: u64,
    /// Whether a guardrail blocked the input, so that the model did not run.
    pub(super) is_blocked: bool,
}

impl Context<'_> {
    pub(super) fn reading(
        &self,
        mut found: Found,
        family: Family,
        usage: &Members,
        intervened: bool,
        guardrail: Option<&GuardrailReport>,
    ) -> Reading {
        self.doubt_models(usage, &mut found.doubts);
        Reading {
            found,
            family,
            cache_request: self.log.limits.cache,
            units: usage.units.clone(),
            inferences: Vec::new(),
            reported: ReportedUnits::default(),
            has_no_output: matches!(self.start.operation, Operation::Embeddings),
            text_bytes: 0,
            // Without a trace, an input of 0 indicates this.
            is_blocked: intervened && guardrail.is_none_or(GuardrailReport::model_was_skipped),
        }
    }

    /// Adds a doubt for each inference of another model, which has another price.
    fn doubt_models(&self, usage: &Members, doubts: &mut Doubts) {
        let Some(called) = self.called else { return };
        for model in usage.models_of_inferences() {
            if let NamedModel::Other(_) = self.prices.named_model(called, model) {
                doubts.add(|| format!("usage.iterations has an inference of {model}, priced as the called model"));
            }
        }
    }

    /// Returns the approximate number of tokens in this many bytes of the answer.
    pub(super) fn tokens_of(&self, text_bytes: u64) -> u64 {
        match self.called {
            Some(called) => called.likely_tokens(text_bytes),
            None => text_bytes.div_ceil(3),
        }
    }

    /// Bills a complete answer with the counts that it has.
    pub(super) fn bill_complete(&self, mut reading: Reading) -> CallEnd {
        let zeros = self.doubt_zeros(&mut reading);
        let end = match &self.log.requested {
            Some(requested) => return self.call_end(self.bill_units(requested, &reading), reading),
            None if zeros || reading.is_complete() => self.estimate(&mut reading),
            None => self.bound(&reading),
        };
        self.call_end(end, reading)
    }

    /// Bills a stream that has final counts, or whose model has stopped.
    pub(super) fn bill_final_counts(&self, mut reading: Reading, text_is_whole: bool) -> CallEnd {
        let zeros = self.doubt_zeros(&mut reading);
        let end = if reading.is_complete() || zeros || text_is_whole {
            self.estimate(&mut reading)
        } else {
            self.bound(&reading)
        };
        self.call_end(end, reading)
    }

    /// Treats an impossible zero as unknown. Returns whether there is one.
    pub(super) fn doubt_zeros(&self, reading: &mut Reading) -> bool {
        if reading.is_blocked {
            return false;
        }
        let mut zeros = false;
        let Found { counts, doubts, .. } = &mut reading.found;
        if counts.all_input() == Some(0) && self.has_text() {
            doubts.add(|| "input: usage says 0 for a prompt with text".to_owned());
            (counts.input, counts.cache_read, counts.cache_write) = (None, None, None);
            zeros = true;
        }
        if counts.output == Some(0) && reading.text_bytes > 0 {
            doubts.add(|| "output: usage says 0, but the model wrote text".to_owned());
            counts.output = None;
            zeros = true;
        }
        zeros
    }

    /// Returns whether the prompt has text, and so at least one token.
    fn has_text(&self) -> bool {
        match &self.log.requested {
            Some(requested) => requested.bills_tokens && requested.has_text,
            None => matches!(self.start.operation, Operation::Chat | Operation::Embeddings),
        }
    }

    /// Returns the counts, with an estimate for each missing one. They are exact if none is missing and nothing
    /// contradicts them.
    pub(super) fn estimate(&self, reading: &mut Reading) -> Billed {
        let counts = &mut reading.found.counts;
        let mut status = CostStatus::Exact;
        if counts.input.is_none() {
            status = CostStatus::Estimated;
            let cached = counts.all_input().unwrap_or(0);
            counts.input = Some(self.start.prompt.likely.saturating_sub(cached));
        }
        if counts.output.is_none() && !reading.has_no_output {
            status = CostStatus::Estimated;
            counts.output = Some(self.tokens_of(reading.text_bytes));
        }
        reading.doubt_lifetimes();
        if !reading.found.doubts.is_empty() {
            status = CostStatus::Estimated;
        }
        let usage = reading.usage();
        if reading.units.is_empty() {
            Billed::Tokens(usage, status)
        } else {
            Billed::Counted(usage, reading.units.clone(), status)
        }
    }

    /// Bills units, and tokens in addition if the model bills both.
    fn bill_units(&self, requested: &RequestedUnits, reading: &Reading) -> Billed {
        let (units, status) = requested.with_answer(reading.reported);
        let counts = &reading.found.counts;
        let doubtful = if reading.found.doubts.is_empty() { CostStatus::Exact } else { CostStatus::Estimated };
        if !requested.bills_tokens {
            return Billed::Counted(Usage::new(), units, status);
        }
        if counts.input.is_some() && (counts.output.is_some() || reading.has_no_output) {
            return Billed::Counted(reading.usage(), units, status.weakest(doubtful));
        }
        // Without text there are no tokens to count.
        if !requested.has_text && counts.is_empty() {
            return Billed::Counted(Usage::new(), units, status);
        }
        self.bound(reading)
    }

    /// Returns the end of a call that is billed so, with the source of its usage.
    pub(super) fn call_end(&self, billed: Billed, reading: Reading) -> CallEnd {
        let mut end = CallEnd::new(billed);
        end.inferences = reading.usages_of_inferences();
        let found = reading.found;
        end.usage_source = found.source;
        end.usage_doubt = found.doubts.into_text();
        end
    }
}

impl Reading {
    pub(super) fn is_complete(&self) -> bool {
        let counts = &self.found.counts;
        counts.input.is_some() && (counts.output.is_some() || self.has_no_output)
    }

    /// Returns the counts as a usage.
    pub(super) fn usage(&self) -> Usage {
        self.usage_of(self.found.counts)
    }

    fn usage_of(&self, counts: Counts) -> Usage {
        counts.to_usage(|| match self.cache_request {
            CacheRequest::OneHour => CacheTtl::OneHour,
            CacheRequest::Nothing | CacheRequest::DefaultTtl => default_ttl(self.family),
        })
    }

    /// Returns the usage of each inference, because each has its own context tier. Empty if they do not add up to the
    /// whole.
    fn usages_of_inferences(&self) -> Vec<Usage> {
        let each: Vec<Usage> = self.inferences.iter().map(|counts| self.usage_of(*counts)).collect();
        let all = each.iter().fold(Usage::new(), |all, one| all + *one);
        if all == self.usage() { each } else { Vec::new() }
    }

    /// Adds a doubt if a one-hour lifetime, which has its own price, was requested and the answer does not split its
    /// cache writes.
    fn doubt_lifetimes(&mut self) {
        let counts = &self.found.counts;
        if self.cache_request == CacheRequest::OneHour && counts.unsplit_writes() > 0 {
            self.found.doubts.add(|| {
                "cache write: one hour was requested, and the answer does not give the lifetimes: priced as one hour"
                    .to_owned()
            });
        }
    }

    /// Returns whether the text has to be measured.
    pub(super) fn misses_text(&self) -> bool {
        !self.has_no_output && self.found.counts.output.unwrap_or(0) == 0
    }
}
