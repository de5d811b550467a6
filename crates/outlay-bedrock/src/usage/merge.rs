use std::fmt::Write as _;

use outlay_price::{CacheTtl, CostStatus, Family, ModelRef, Usage};

use super::counts::Counts;

/// Sources of the same counts, the most trusted first, by the names that a disagreement is told with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    sources: [(&'static str, Counts); MAX_SOURCES],
    len: usize,
}

/// A stream's metadata, its chunks, its invocation metrics and the headers.
const MAX_SOURCES: usize = 4;

/// What the sources say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The whole usage.
    Whole(Usage, CostStatus),
    /// Only part of it: the input or the output is missing.
    Part(Counts),
    /// Nothing.
    Nothing,
}

impl Sources {
    /// Adds a source that is trusted less than those before it.
    pub(crate) fn then(mut self, name: &'static str, counts: Counts) -> Self {
        if !counts.is_empty() && self.len < MAX_SOURCES {
            self.sources[self.len] = (name, counts);
            self.len += 1;
        }
        self
    }

    fn given(&self) -> &[(&'static str, Counts)] {
        &self.sources[..self.len]
    }

    /// Each number from the first source that has it. `output_optional` for what writes none, such as embeddings.
    pub(crate) fn find(&self, model: &str, output_optional: bool) -> Found {
        if self.len == 0 {
            return Found::Nothing;
        }
        let mut counts = Counts::default();
        for (_, source) in self.given() {
            for (own, theirs) in counts.all_mut().into_iter().zip(source.all()) {
                *own = own.or(theirs);
            }
        }
        if counts.input.is_some() && (counts.output.is_some() || output_optional) {
            Found::Whole(counts.to_usage(|| default_ttl(model)), CostStatus::Exact)
        } else {
            Found::Part(counts)
        }
    }

    /// Where two sources differ: which number, and what each says.
    pub(crate) fn disagreement(&self) -> Option<String> {
        let mut text = String::new();
        for (index, (number, _)) in Counts::default().named().into_iter().enumerate() {
            let mut said = self.given().iter().filter_map(|(name, counts)| Some((name, counts.all()[index]?)));
            let Some((trusted, used)) = said.next() else { continue };
            for (other, count) in said.filter(|(_, count)| *count != used) {
                let separator = if text.is_empty() { "" } else { "; " };
                // Writing to a string cannot fail.
                let _ = write!(text, "{separator}{number}: {trusted} says {used}, {other} {count}");
            }
        }
        (!text.is_empty()).then_some(text)
    }
}

/// How long a cache write lives where nothing says so: five minutes, or thirty for the families that have only those.
fn default_ttl(model: &str) -> CacheTtl {
    match ModelRef::parse(model).map(|m| m.family()) {
        Ok(Family::OpenAi | Family::Moonshot | Family::Zai) => CacheTtl::ThirtyMinutes,
        _ => CacheTtl::FiveMinutes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(input: Option<u64>, output: Option<u64>) -> Counts {
        Counts { input, output, ..Counts::default() }
    }

    #[test]
    fn each_number_comes_from_the_first_source_that_has_it() {
        let sources =
            Sources::default().then("body", counts(None, Some(53))).then("headers", counts(Some(10), Some(39)));
        let Found::Whole(usage, CostStatus::Exact) = sources.find("m", false) else { panic!("whole") };
        assert_eq!((usage.input_tokens(), usage.output_tokens()), (10, 53));
        assert_eq!(sources.disagreement().as_deref(), Some("output: body says 53, headers 39"));
    }

    #[test]
    fn a_missing_output_is_part_of_a_usage_unless_there_is_none_to_write() {
        let sources = Sources::default().then("headers", counts(Some(10), None));
        assert!(matches!(sources.find("m", false), Found::Part(_)));
        assert!(matches!(sources.find("m", true), Found::Whole(..)));
        assert_eq!(Sources::default().find("m", true), Found::Nothing);
    }
}
