//! What is billed of an answer that came, by its counts: exact where all are there and nothing speaks against them, and
//! estimated where one is missing.

use outlay_otel::{Billed, CallEnd, Operation};
use outlay_price::{CacheTtl, CostStatus, Family, NamedModel, Units, Usage};

use super::Context;
use crate::input::CacheAsked;
use crate::units::{Asked, Made};
use crate::usage::{Counts, Doubts, Found, GuardrailTold, Members, default_ttl};

/// What was read of an answer, whichever way it came.
pub(super) struct Reading {
    pub(super) found: Found,
    /// The family of the model that answered.
    pub(super) family: Family,
    /// What the request asked the cache to store.
    pub(super) asked_cache: CacheAsked,
    /// The counts of each inference, where there were several.
    pub(super) inferences: Vec<Counts>,
    /// What is billed beside tokens by the answer's own word: tools that the vendor ran.
    pub(super) units: Units,
    /// Images and queries that the answer tells.
    pub(super) made: Made,
    /// Whether it is known to have no output tokens.
    pub(super) has_no_output: bool,
    /// Bytes of what the model said, where they were counted.
    pub(super) text_bytes: u64,
    /// Whether a guardrail blocked the input, so that no model was asked.
    pub(super) is_blocked: bool,
}

impl Context<'_> {
    pub(super) fn reading(
        &self,
        mut found: Found,
        family: Family,
        usage: &Members,
        intervened: bool,
        guardrail: Option<&GuardrailTold>,
    ) -> Reading {
        self.doubt_models(usage, &mut found.doubts);
        Reading {
            found,
            family,
            asked_cache: self.log.limits.cache,
            units: usage.units.clone(),
            inferences: Vec::new(),
            made: Made::default(),
            has_no_output: matches!(self.start.operation, Operation::Embeddings),
            text_bytes: 0,
            // Without a trace, an input of 0 is the sign of that.
            is_blocked: intervened && guardrail.is_none_or(GuardrailTold::kept_the_model_out),
        }
    }

    /// An inference of another model has another price.
    fn doubt_models(&self, usage: &Members, doubts: &mut Doubts) {
        let Some(called) = self.called else { return };
        for model in usage.models_of_inferences() {
            if let NamedModel::Other(_) = self.prices.named_model(called, model) {
                doubts.add(|| format!("usage.iterations has one of {model}, priced as the model that was called"));
            }
        }
    }

    /// About how many tokens so many bytes of the answer are.
    pub(super) fn tokens_of(&self, text_bytes: u64) -> u64 {
        match self.called {
            Some(called) => called.likely_tokens(text_bytes),
            None => text_bytes.div_ceil(3),
        }
    }

    /// An answer that came whole, with the counts that it has.
    pub(super) fn whole(&self, mut reading: Reading) -> CallEnd {
        let zeros = self.doubt_zeros(&mut reading);
        let end = match &self.log.asked {
            Some(asked) => return self.told(self.by_the_unit(asked, &reading), reading),
            None if zeros || reading.is_complete() => self.estimated(&mut reading),
            None => self.at_most(&reading),
        };
        self.told(end, reading)
    }

    /// A stream whose final counts came, or whose model has stopped.
    pub(super) fn whole_stream(&self, mut reading: Reading, text_is_whole: bool) -> CallEnd {
        let zeros = self.doubt_zeros(&mut reading);
        let end = if reading.is_complete() || zeros || text_is_whole {
            self.estimated(&mut reading)
        } else {
            self.at_most(&reading)
        };
        self.told(end, reading)
    }

    /// Takes a zero for unknown where it cannot be true. Returns whether there is one.
    pub(super) fn doubt_zeros(&self, reading: &mut Reading) -> bool {
        if reading.is_blocked {
            return false;
        }
        let mut zeros = false;
        let Found { counts, doubts, .. } = &mut reading.found;
        if counts.all_input() == Some(0) && self.has_text() {
            doubts.add(|| "input: usage says 0 of a prompt with text".to_owned());
            (counts.input, counts.cache_read, counts.cache_write) = (None, None, None);
            zeros = true;
        }
        if counts.output == Some(0) && reading.text_bytes > 0 {
            doubts.add(|| "output: usage says 0 beside text of the model".to_owned());
            counts.output = None;
            zeros = true;
        }
        zeros
    }

    /// Whether the prompt has text, which comes to tokens.
    fn has_text(&self) -> bool {
        match &self.log.asked {
            Some(asked) => asked.tokens_too && asked.has_text,
            None => matches!(self.start.operation, Operation::Chat | Operation::Embeddings),
        }
    }

    /// The counts, with an estimate in the place of each that is missing: exact where none is, and nothing speaks against
    /// them.
    pub(super) fn estimated(&self, reading: &mut Reading) -> Billed {
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

    /// Units, with the tokens beside them where those are billed too.
    fn by_the_unit(&self, asked: &Asked, reading: &Reading) -> Billed {
        let (units, status) = asked.answered(reading.made);
        let counts = &reading.found.counts;
        let doubtful = if reading.found.doubts.is_empty() { CostStatus::Exact } else { CostStatus::Estimated };
        if !asked.tokens_too {
            return Billed::Counted(Usage::new(), units, status);
        }
        if counts.input.is_some() && (counts.output.is_some() || reading.has_no_output) {
            return Billed::Counted(reading.usage(), units, status.weakest(doubtful));
        }
        // Without text there is no token to tell.
        if !asked.has_text && counts.is_empty() {
            return Billed::Counted(Usage::new(), units, status);
        }
        self.at_most(reading)
    }

    /// The end of a call of which so much is billed, with where that is from.
    pub(super) fn told(&self, billed: Billed, reading: Reading) -> CallEnd {
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

    /// The counts as a usage.
    pub(super) fn usage(&self) -> Usage {
        self.usage_of(self.found.counts)
    }

    fn usage_of(&self, counts: Counts) -> Usage {
        counts.to_usage(|| match self.asked_cache {
            CacheAsked::Hour => CacheTtl::OneHour,
            CacheAsked::Nothing | CacheAsked::Usual => default_ttl(self.family),
        })
    }

    /// The usage of each inference: each has a context tier of its own. None where they do not come to the whole.
    fn usages_of_inferences(&self) -> Vec<Usage> {
        let each: Vec<Usage> = self.inferences.iter().map(|counts| self.usage_of(*counts)).collect();
        let all = each.iter().fold(Usage::new(), |all, one| all + *one);
        if all == self.usage() { each } else { Vec::new() }
    }

    /// An hour in the cache has a price of its own: it was asked for, and the answer does not say which writes it holds for.
    fn doubt_lifetimes(&mut self) {
        let counts = &self.found.counts;
        if self.asked_cache == CacheAsked::Hour && counts.unsplit_writes() > 0 {
            self.found.doubts.add(|| {
                "cache write: an hour was asked for, and the answer does not tell the lifetimes: priced as an hour"
                    .to_owned()
            });
        }
    }

    /// Whether what the model said has to be measured.
    pub(super) fn misses_text(&self) -> bool {
        !self.has_no_output && self.found.counts.output.unwrap_or(0) == 0
    }
}
