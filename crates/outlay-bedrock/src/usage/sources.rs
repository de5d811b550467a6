//! Combines several sources of the same counts.
//!
//! The input and cache counts form one group, which comes whole from one source. Some sources include the cache in
//! the input and some do not, so parts of two sources must not be mixed. The output is a separate group.

use outlay_price::{CacheTtl, Family};

use super::doubts::Doubts;
use super::token_counts::Counts;

/// Sources of the same counts with their names, the most trusted first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    sources: [(&'static str, Counts); MAX_SOURCES],
    len: usize,
    doubts: Doubts,
}

/// A stream's metadata, its chunks, its invocation metrics and the headers.
const MAX_SOURCES: usize = 4;

/// The names of the sources.
pub(crate) mod source {
    /// The `usage` of a Converse answer.
    pub(crate) const USAGE: &str = "usage";
    /// The `usage` of ConverseStream's metadata event.
    pub(crate) const METADATA: &str = "metadata";
    /// The model's own body.
    pub(crate) const BODY: &str = "body";
    /// The model's own chunks.
    pub(crate) const CHUNKS: &str = "chunks";
    /// What Bedrock adds to the last chunk.
    pub(crate) const METRICS: &str = "invocation metrics";
    /// What Bedrock adds to the headers of an InvokeModel answer.
    pub(crate) const HEADERS: &str = "headers";
}

/// Two sources that are known to count the output differently, and the one that AWS bills by.
struct KnownPair {
    family: Family,
    trusted: &'static str,
    other: &'static str,
}

/// Claude's own count is that of its final usage. The invocation metrics in the same stream were observed to be lower
/// (39 instead of 53). Bedrock bills the model's count.
const KNOWN_PAIRS: &[KnownPair] =
    &[KnownPair { family: Family::Anthropic, trusted: source::CHUNKS, other: source::METRICS }];

/// The combined counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) counts: Counts,
    /// The source of the input and the cache, if there are several or it is uncertain.
    pub(crate) source: Option<&'static str>,
    pub(crate) doubts: Doubts,
}

impl Sources {
    /// Adds a source that is trusted less than the earlier ones.
    pub(crate) fn then(mut self, name: &'static str, (counts, doubts): (Counts, Doubts)) -> Self {
        self.doubts.extend(&doubts);
        if !counts.is_empty() && self.len < MAX_SOURCES {
            self.sources[self.len] = (name, counts);
            self.len += 1;
        }
        self
    }

    fn as_slice(&self) -> &[(&'static str, Counts)] {
        &self.sources[..self.len]
    }

    /// Returns each group from the first source that has all of it.
    pub(crate) fn find(&self, family: Family) -> Found {
        let mut found = Found { doubts: self.doubts.clone(), ..Found::default() };
        let differing = self.find_input(&mut found) | self.find_output(family, &mut found);
        // A single source is not worth reporting, unless it is in doubt.
        if !differing && found.doubts.is_empty() {
            found.source = None;
        }
        found
    }

    /// Sets the input and cache counts. Returns whether the sources differ.
    fn find_input(&self, found: &mut Found) -> bool {
        let with_input: Vec<_> = self.as_slice().iter().filter(|(_, counts)| counts.all_input().is_some()).collect();
        // A source with only zeros is treated as unknown.
        let mut known = with_input.iter().filter(|(_, counts)| counts.all_input() > Some(0)).peekable();
        if known.peek().is_none() {
            if let Some((name, counts)) =
                with_input.iter().find(|(_, counts)| counts.input.is_some()).or(with_input.first())
            {
                found.source = Some(name);
                found.counts = Counts { output: None, reasoning: None, ..*counts };
            }
            return false;
        }
        let known: Vec<_> = known.collect();
        let reads = known.iter().any(|(_, counts)| counts.cache_read > Some(0));
        let writes = known.iter().any(|(_, counts)| counts.cache_write > Some(0));
        // A source may report an unknown count as zero.
        let is_complete = |counts: &Counts| {
            counts.input.is_some()
                && (!reads || counts.cache_read > Some(0))
                && (!writes || counts.cache_write > Some(0))
        };
        let complete = known.iter().find(|(_, counts)| is_complete(counts));
        let (name, mut chosen) = match complete {
            Some((name, counts)) => (*name, *counts),
            None => combined(&known, &mut found.doubts),
        };
        adopt_lifetimes(&mut chosen, &known);
        let mut differs = complete.is_none();
        for (other, counts) in known.iter().filter(|(other, _)| *other != name) {
            differs |= compare_input(name, &chosen, other, counts, &mut found.doubts);
        }
        differs |= complete.is_some_and(|(complete, _)| *complete != with_input[0].0);
        found.source = Some(name);
        found.counts = Counts { output: None, reasoning: None, ..chosen };
        differs
    }

    /// Sets the output count. Returns whether the sources differ.
    fn find_output(&self, family: Family, found: &mut Found) -> bool {
        let outputs = || self.as_slice().iter().filter_map(|(name, counts)| Some((*name, counts.output?)));
        let Some((name, output)) = outputs().find(|(_, output)| *output > 0).or_else(|| outputs().next()) else {
            return false;
        };
        found.counts.output = Some(output);
        found.counts.reasoning = self.as_slice().iter().find_map(|(_, counts)| counts.reasoning);
        let mut differs = false;
        let reply = self.as_slice().iter().find_map(|(_, counts)| counts.reply?[1]);
        for (other, count) in outputs().filter(|(_, count)| *count > 0 && *count != output && Some(*count) != reply) {
            differs = true;
            let is_known = KNOWN_PAIRS
                .iter()
                .any(|pair| (pair.family, pair.trusted, pair.other) == (family, name, other) && count < output);
            if !is_known {
                found.doubts.add(|| format!("output: {name} says {output}, {other} {count}"));
            }
        }
        found.source = found.source.or(Some(name));
        differs
    }
}

/// Combines parts if no source has the whole group: each part comes from the first source that has it, made
/// comparable.
fn combined(known: &[&&(&'static str, Counts)], doubts: &mut Doubts) -> (&'static str, Counts) {
    let mut chosen = Counts::default();
    for (_, counts) in known {
        chosen.cache_read = chosen.cache_read.or(counts.cache_read);
        if chosen.cache_write.is_none() {
            chosen.cache_write = counts.cache_write;
            chosen.cache_write_5m = counts.cache_write_5m;
            chosen.cache_write_30m = counts.cache_write_30m;
            chosen.cache_write_1h = counts.cache_write_1h;
        }
    }
    let cached = chosen.cache_read.unwrap_or(0).saturating_add(chosen.cache_write.unwrap_or(0));
    let input = known.iter().find(|(_, counts)| counts.input.is_some());
    if let Some((_, counts)) = input {
        let beside = if counts.is_whole_prompt { cached } else { 0 };
        chosen.input = counts.input.map(|input| input.saturating_sub(beside));
    }
    let name = input.or(known.first()).map_or(source::USAGE, |(name, _)| name);
    if known.len() > 1 {
        doubts.add(|| "no source has all input and cache counts".to_owned());
    }
    (name, chosen)
}

/// Takes the split of cache writes by lifetime from another source, if the chosen source has none and both have the
/// same total.
fn adopt_lifetimes(chosen: &mut Counts, known: &[&&(&'static str, Counts)]) {
    let is_split = |counts: &Counts| {
        [counts.cache_write_5m, counts.cache_write_30m, counts.cache_write_1h].iter().any(Option::is_some)
    };
    if is_split(chosen) || chosen.cache_write.is_none() {
        return;
    }
    let split = known.iter().find(|(_, counts)| is_split(counts) && counts.cache_write == chosen.cache_write);
    if let Some((_, split)) = split {
        chosen.cache_write_5m = split.cache_write_5m;
        chosen.cache_write_30m = split.cache_write_30m;
        chosen.cache_write_1h = split.cache_write_1h;
    }
}

/// Returns whether two sources differ in a count that both have. A source may report an unknown count as zero.
fn compare_input(name: &str, chosen: &Counts, other: &str, counts: &Counts, doubts: &mut Doubts) -> bool {
    // The other source may only have the reply.
    let [input, _, read, write] = chosen.reply.unwrap_or_default();
    if chosen.reply.is_some()
        && [(input, counts.input), (read, counts.cache_read), (write, counts.cache_write)]
            .iter()
            .all(|(own, theirs)| own.unwrap_or(0) == theirs.unwrap_or(0))
    {
        return false;
    }
    let mut differs = false;
    let mut compare = |what: &str, own: Option<u64>, theirs: Option<u64>| {
        if let (Some(own), Some(theirs)) = (own, theirs)
            && own != theirs
            && own.min(theirs) > 0
        {
            differs = true;
            doubts.add(|| format!("{what}: {name} says {own}, {other} {theirs}"));
        }
    };
    if chosen.is_whole_prompt || counts.is_whole_prompt {
        let is_cached = chosen.all_input() != chosen.input || counts.all_input() != counts.input;
        let what = if is_cached { "all input" } else { "input" };
        compare(what, chosen.all_input(), counts.all_input());
    } else {
        compare("input", chosen.input, counts.input);
    }
    compare("cache read", chosen.cache_read, counts.cache_read);
    compare("cache write", chosen.cache_write, counts.cache_write);
    differs
}

/// Returns the default lifetime of a cache write: five minutes, or thirty for the families that only have those.
pub(crate) fn default_ttl(family: Family) -> CacheTtl {
    match family {
        Family::OpenAi | Family::Moonshot | Family::Zai => CacheTtl::ThirtyMinutes,
        _ => CacheTtl::FiveMinutes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(input: Option<u64>, output: Option<u64>) -> Counts {
        Counts { input, output, ..Counts::default() }
    }

    fn with_cache(input: u64, read: u64) -> Counts {
        Counts { cache_read: Some(read), ..counts(Some(input), Some(10)) }
    }

    fn whole_prompt(input: u64) -> Counts {
        Counts { is_whole_prompt: true, ..counts(Some(input), Some(10)) }
    }

    fn found(sources: &[(&'static str, Counts)]) -> Found {
        let add = |sources: Sources, (name, counts): &(&'static str, Counts)| {
            sources.then(name, (*counts, Doubts::default()))
        };
        sources.iter().fold(Sources::default(), add).find(Family::Anthropic)
    }

    fn doubt(found: &Found) -> Option<String> {
        found.doubts.clone().into_text()
    }

    #[test]
    fn each_group_comes_from_the_first_source_that_has_it() {
        let found = found(&[(source::BODY, counts(None, Some(53))), (source::HEADERS, counts(Some(10), Some(39)))]);
        assert_eq!((found.counts.input, found.counts.output), (Some(10), Some(53)));
        assert_eq!(doubt(&found).as_deref(), Some("output: body says 53, headers 39"));
    }

    #[test]
    fn counts_with_and_without_the_cache_are_never_mixed() {
        // The body's prompt includes the cache that the headers report.
        let found = found(&[(source::BODY, whole_prompt(100_000)), (source::HEADERS, with_cache(20_000, 80_000))]);
        assert_eq!((found.counts.input, found.counts.cache_read), (Some(20_000), Some(80_000)));
        assert_eq!((found.source, doubt(&found)), (Some(source::HEADERS), None));
    }

    #[test]
    fn a_differing_input_is_a_doubt_and_a_zero_is_not() {
        let differing = found(&[(source::BODY, whole_prompt(90_000)), (source::HEADERS, with_cache(20_000, 80_000))]);
        assert_eq!(doubt(&differing).as_deref(), Some("all input: headers says 100000, body 90000"));
        let zeros = found(&[(source::BODY, with_cache(0, 0)), (source::HEADERS, with_cache(20_000, 80_000))]);
        assert_eq!((zeros.counts.all_input(), doubt(&zeros)), (Some(100_000), None));
        let zero = found(&[(source::BODY, with_cache(5, 0)), (source::HEADERS, counts(Some(5), Some(0)))]);
        assert_eq!((zero.counts.output, zero.source, doubt(&zero)), (Some(10), None, None));
    }

    #[test]
    fn a_combined_group_is_in_doubt() {
        let read = Counts { cache_read: Some(80_000), ..Counts::default() };
        let found = found(&[(source::BODY, whole_prompt(100_000)), (source::HEADERS, read)]);
        assert_eq!((found.counts.input, found.counts.cache_read), (Some(20_000), Some(80_000)));
        assert!(doubt(&found).is_some());
    }

    #[test]
    fn a_known_pair_is_no_doubt_and_its_source_is_reported() {
        let pair = |native, metrics| {
            found(&[(source::CHUNKS, counts(Some(9), Some(native))), (source::METRICS, counts(Some(9), Some(metrics)))])
        };
        let known = pair(53, 39);
        assert_eq!((known.counts.output, known.source, doubt(&known)), (Some(53), Some(source::CHUNKS), None));
        assert!(doubt(&pair(39, 53)).is_some(), "the metrics are not known to be greater");
    }

    #[test]
    fn no_sources_give_no_counts() {
        assert!(found(&[]).counts.is_empty());
        assert_eq!(found(&[(source::HEADERS, counts(None, Some(3)))]).counts.input, None);
    }
}
