//! Decides whether an input count includes what the cache served or stored: by family and operation, and by the total
//! if it is conclusive.
//!
//! | answer | input | reason |
//! |---|---|---|
//! | Claude and Nova | excludes the cache | documented by AWS: a total that differs is a contradiction |
//! | OpenAI on ConverseStream | includes the cache | measured; the total adds the cache again, and it is disputed whether the bill does: estimated |
//! | OpenAI on Converse | excludes the cache, unless the total equals that of a prompt that includes it | measured |
//! | another family on Converse and its stream | by the total; excludes the cache if the total is not conclusive: estimated | not documented |
//! | InvokeModel | by its name: `prompt_tokens` and an input with `*_details` include the cache, `input_tokens` and `inputTokens` do not | documented by the families |

use outlay_price::Family;

use super::doubts::Doubts;
use super::members::{Member, Members};
use super::token_counts::Counts;

/// The kind of answer that contains a `usage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    /// The answer of Converse.
    Converse,
    /// The `metadata` event of ConverseStream.
    ConverseStream,
    /// The model's own body or chunks.
    Native,
}

/// How the cache counts relate to the input count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The input excludes the cache, whatever the total is.
    Excluded,
    /// The input includes the cache. The total was observed to count it twice.
    IncludedTwiceInTotal,
    /// The input includes the cache, by the name of the count.
    Included,
    /// By the total, else excluded. `documented` if excluded is known to be right.
    ByTotal { documented: bool },
}

fn rule(answer: AnswerKind, family: Family, members: &Members) -> Rule {
    match (answer, family) {
        (_, Family::Anthropic | Family::Nova) if members.get(Member::Input).is_some() => Rule::Excluded,
        (AnswerKind::ConverseStream, Family::OpenAi) => Rule::IncludedTwiceInTotal,
        (AnswerKind::Converse, Family::OpenAi) => Rule::ByTotal { documented: true },
        (AnswerKind::Converse | AnswerKind::ConverseStream, _) => Rule::ByTotal { documented: false },
        (AnswerKind::Native, _) if members.input_is_split || members.get(Member::Prompt).is_some() => Rule::Included,
        (AnswerKind::Native, _) => Rule::ByTotal { documented: true },
    }
}

impl Members {
    /// Returns the counts, with each token in one of them, and the doubts about them.
    pub(crate) fn counts(&self, answer: AnswerKind, family: Family) -> (Counts, Doubts) {
        self.counts_since(&Self::default(), answer, family)
    }

    /// Returns the counts of a stream that reported `at_start` before its model ran.
    pub(crate) fn counts_since(&self, at_start: &Self, answer: AnswerKind, family: Family) -> (Counts, Doubts) {
        let all = self.of_all_inferences(at_start);
        let (mut counts, doubts) = all.own_counts(answer, family);
        if self.lists_inferences() {
            let (reply, _) = self.own_counts(answer, family);
            counts.reply = Some([reply.input, reply.output, reply.cache_read, reply.cache_write]);
        }
        (counts, doubts)
    }

    /// Returns the counts of each inference, if they are listed.
    pub(crate) fn each_inference(&self, answer: AnswerKind, family: Family) -> Vec<Counts> {
        self.inferences().iter().map(|inference| inference.own_counts(answer, family).0).collect()
    }

    fn own_counts(&self, answer: AnswerKind, family: Family) -> (Counts, Doubts) {
        let mut doubts = self.doubts.clone();
        let mut counts = self.without_input(&mut doubts);
        match self.input(&counts, &mut doubts) {
            // Both names are present and agree.
            Some((input, true)) => counts.input = Some(input),
            Some((input, false)) => self.subtract_cache(input, rule(answer, family, self), &mut counts, &mut doubts),
            // DeepSeek's prompt consists of cache hits and cache misses.
            None => counts.input = self.get(Member::CacheMiss),
        }
        self.fill_from_total(&mut counts, &mut doubts);
        self.check_total(&mut counts, &mut doubts);
        Self::check_reasoning(&mut counts, &mut doubts);
        self.check_details(&counts, &mut doubts);
        (counts, doubts)
    }

    /// Subtracts the cache from an input that includes it.
    fn subtract_cache(&self, input: u64, rule: Rule, counts: &mut Counts, doubts: &mut Doubts) {
        let cached = counts.cached();
        let is_outside = cached > 0 && self.total_equals(input.saturating_add(cached), counts.output);
        let is_inside = match rule {
            Rule::Excluded => false,
            Rule::ByTotal { .. } => cached > 0 && input >= cached && self.total_equals(input, counts.output),
            // A cache count that is larger than its input must be outside of it.
            Rule::Included => input >= cached && !is_outside,
            Rule::IncludedTwiceInTotal => input >= cached,
        };
        if rule == Rule::Included && !is_inside && !(is_outside && input < cached) {
            doubts
                .add(|| format!("usage has {cached} cached tokens in a prompt of {input}, and a total that adds both"));
        }
        counts.is_whole_prompt = rule == Rule::Included && counts.cache_read.is_none() && counts.cache_write.is_none();
        counts.input = Some(if is_inside { input - cached } else { input });
        if rule == (Rule::ByTotal { documented: false }) && cached > 0 && self.total().is_none() {
            doubts.add(|| "usage has no total to show whether the input includes the cache".to_owned());
        }
        if rule == Rule::IncludedTwiceInTotal && cached > 0 && self.total().is_none() {
            doubts.add(|| "it is disputed whether the bill counts the cache once or twice".to_owned());
        }
        if rule == Rule::Excluded && cached > 0 && self.input_is_split {
            doubts.add(|| "usage splits an input that is known to exclude the cache".to_owned());
        }
        if let (Some(missed), true) = (self.get(Member::CacheMiss), is_inside)
            && counts.input != Some(missed)
        {
            doubts.add(|| {
                format!("usage says that the cache missed {missed} tokens, but its parts leave {}", input - cached)
            });
        }
    }

    /// Returns the input by its name. Two names must agree. Also returns whether it is known to exclude the cache.
    fn input(&self, counts: &Counts, doubts: &mut Doubts) -> Option<(u64, bool)> {
        let (input, prompt) = (self.get(Member::Input), self.get(Member::Prompt));
        let cached = counts.cached();
        if cached > 0 && prompt.is_some() && prompt == input.map(|input| input.saturating_add(cached)) {
            return input.map(|input| (input, true));
        }
        if let (Some(input), Some(prompt)) = (input, prompt)
            && input != prompt
            && input.min(prompt) > 0
        {
            doubts.add(|| format!("usage has two inputs: {input} and {prompt}"));
        }
        input.max(prompt).map(|input| (input, false))
    }

    fn without_input(&self, doubts: &mut Doubts) -> Counts {
        let split = [Member::CacheWrite5m, Member::CacheWrite30m, Member::CacheWrite1h].map(|member| self.get(member));
        let [cache_write_5m, cache_write_30m, cache_write_1h] = split;
        let split = split.into_iter().flatten().reduce(u64::saturating_add);
        // If there is a split, a total of 0 is treated as unknown.
        let written =
            self.get(Member::CacheWrite).filter(|written| *written > 0 || split.is_none_or(|split| split == 0));
        if let (Some(split), Some(written)) = (split, written)
            && split != written
        {
            doubts.add(|| format!("cache write: usage says {written}, its parts by lifetime add up to {split}"));
        }
        Counts {
            output: self.get(Member::Output),
            cache_read: self.get(Member::CacheRead),
            cache_write: written.or(split),
            cache_write_5m,
            cache_write_30m,
            cache_write_1h,
            reasoning: self.get(Member::Reasoning),
            ..Counts::default()
        }
    }

    /// Returns the total, if there is one. A zero is not a total.
    fn total(&self) -> Option<u64> {
        self.get(Member::Total).filter(|total| *total > 0)
    }

    fn total_equals(&self, input: u64, output: Option<u64>) -> bool {
        output.is_some_and(|output| self.total() == Some(input.saturating_add(output)))
    }

    /// Derives the only missing part from the total.
    fn fill_from_total(&self, counts: &mut Counts, doubts: &mut Doubts) {
        let Some(total) = self.total() else { return };
        let (all_input, cached) = (counts.all_input(), counts.cached());
        let (what, missing, rest) = match (counts.input, counts.output) {
            (Some(_), None) => ("output", &mut counts.output, all_input.unwrap_or(0)),
            (None, Some(output)) => ("input", &mut counts.input, output.saturating_add(cached)),
            _ => return,
        };
        let part = total.saturating_sub(rest);
        if part > 0 {
            doubts.add(|| format!("{what}: derived from the total, as {part}"));
            *missing = Some(part);
        }
    }

    /// Compares the total with its parts. If it is larger by the reasoning, the output excludes the reasoning (Grok).
    fn check_total(&self, counts: &mut Counts, doubts: &mut Doubts) {
        let (Some(total), Some(output), Some(input)) = (self.total(), counts.output, counts.all_input()) else {
            return;
        };
        if counts.input.is_none() {
            return;
        }
        let parts = input.saturating_add(output);
        let reasoning = counts.reasoning.unwrap_or(0);
        if total == parts {
            return;
        }
        if total == parts.saturating_add(reasoning) {
            counts.output = Some(output.saturating_add(reasoning));
            return;
        }
        doubts.add(|| format!("total: usage says {total}, its parts add up to {parts}"));
    }

    /// Reasoning is part of the output. If it is larger than the output, it must be outside of it.
    fn check_reasoning(counts: &mut Counts, doubts: &mut Doubts) {
        if let (Some(output), Some(reasoning)) = (counts.output, counts.reasoning)
            && reasoning > output
        {
            doubts.add(|| format!("usage has {reasoning} tokens of reasoning in an output of {output}"));
            counts.output = Some(output.saturating_add(reasoning));
        }
    }

    /// Compares the details with the count that they split, which must not be smaller.
    fn check_details(&self, counts: &Counts, doubts: &mut Doubts) {
        let mut check = |what: &str, whole: Option<u64>, parts: u64| {
            if let Some(whole) = whole.filter(|whole| *whole < parts) {
                doubts.add(|| format!("{what}: usage says {whole}, its details {parts}"));
            }
        };
        check("input", counts.all_input(), self.input_parts);
        check("output", counts.output, self.output_parts);
    }
}
