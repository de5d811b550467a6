//! Tokenizers of models: whether two models count the same text alike, and the approximate number of tokens of a text.

use std::sync::LazyLock;

use crate::ModelRef;
use crate::model::shorter_ids;

/// The range of token counts of another tokenizer for the same text, as fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    least: Fraction,
    most: Fraction,
    /// The reason for these bounds.
    pub(crate) reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fraction {
    numerator: u32,
    denominator: u32,
}

#[derive(Debug, Default)]
struct Data {
    /// Id prefixes and their tokenizers. No prefix is a prefix of another one.
    tokenizers: Vec<(&'static str, &'static str)>,
    ratios: Vec<(&'static str, &'static str, Ratio)>,
    /// Tokens per thousand bytes of text, by tokenizer.
    densities: Vec<(&'static str, u64)>,
}

// A test ensures that the committed files load.
static DATA: LazyLock<Data> = LazyLock::new(|| {
    let (tokenizers, ratios) = (include_str!("../data/tokenizers.tsv"), include_str!("../data/token-ratios.tsv"));
    parse(tokenizers, ratios, include_str!("../data/text-density.tsv")).unwrap_or_default()
});

/// Returns the ratio between the token counts of two models, or `None` if both have the same tokenizer.
pub(crate) fn ratio(from: ModelRef<'_>, to: ModelRef<'_>) -> Option<Ratio> {
    if stem(from) == stem(to) {
        return None;
    }
    match (tokenizer(from), tokenizer(to)) {
        (Some(from), Some(to)) if from == to => None,
        (from, to) => Some(DATA.ratio(from, to)),
    }
}

/// An upper bound on the tokens per thousand bytes of text of any known tokenizer.
const DENSEST: u64 = 400;

impl ModelRef<'_> {
    /// Returns the estimated number of tokens of English text, given its size in bytes, rounded up.
    ///
    /// The estimate is based on vendors' documentation of their tokenizers (`data/text-density.tsv`). Code and other
    /// languages have more tokens.
    ///
    /// ```
    /// use outlay_price::ModelRef;
    ///
    /// let claude = ModelRef::parse("anthropic.claude-sonnet-4-5-20250929-v1:0")?;
    /// assert_eq!(claude.likely_tokens(3_500), 1_001);
    /// # Ok::<(), outlay_price::ParseModelError>(())
    /// ```
    pub fn likely_tokens(&self, text_bytes: u64) -> u64 {
        let density = |name: &str| DATA.densities.iter().find(|(tokenizer, _)| *tokenizer == name).map(|line| line.1);
        let density = tokenizer(*self).and_then(density).or_else(|| density("*")).unwrap_or(DENSEST);
        saturating_u64((u128::from(text_bytes) * u128::from(density)).div_ceil(1_000))
    }
}

/// Returns the name of a model's tokenizer, if a public source documents it.
fn tokenizer(model: ModelRef<'_>) -> Option<&'static str> {
    let base = model.base_id()?;
    DATA.tokenizers.iter().find(|(begins_with, _)| base.starts_with(begins_with)).map(|(_, name)| *name)
}

/// Returns the common part of all ids of a model.
fn stem(model: ModelRef<'_>) -> &str {
    match model.base_id() {
        Some(base) => shorter_ids(base).last().unwrap_or(base),
        None => model.as_str(),
    }
}

impl Data {
    fn ratio(&self, from: Option<&str>, to: Option<&str>) -> Ratio {
        let between = |a: &str, b: &str| self.ratios.iter().find(|line| (line.0, line.1) == (a, b)).map(|line| line.2);
        from.zip(to)
            .and_then(|(from, to)| between(from, to).or_else(|| between(to, from).map(Ratio::inverted)))
            .or_else(|| between("*", "*"))
            .unwrap_or(Ratio::UNKNOWN)
    }
}

impl Ratio {
    /// The ratio without any data.
    const UNKNOWN: Self = Self {
        least: Fraction { numerator: 0, denominator: 1 },
        most: Fraction { numerator: u32::MAX, denominator: 1 },
        reason: "no ratio is known",
    };

    /// Returns the minimum number of tokens after conversion, rounded down.
    pub(crate) fn fewest(self, tokens: u64) -> u64 {
        let Fraction { numerator, denominator } = self.least;
        saturating_u64(u128::from(tokens) * u128::from(numerator) / u128::from(denominator))
    }

    /// Returns the maximum number of tokens after conversion, rounded up. Saturating.
    pub(crate) fn most(self, tokens: u64) -> u64 {
        let Fraction { numerator, denominator } = self.most;
        saturating_u64((u128::from(tokens) * u128::from(numerator)).div_ceil(u128::from(denominator)))
    }

    fn inverted(self) -> Self {
        let invert = |Fraction { numerator, denominator }| Fraction { numerator: denominator, denominator: numerator };
        Self { least: invert(self.most), most: invert(self.least), reason: self.reason }
    }
}

fn saturating_u64(tokens: u128) -> u64 {
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

fn parse(tokenizers: &'static str, ratios: &'static str, densities: &'static str) -> Option<Data> {
    let mut data = Data::default();
    for line in lines(tokenizers) {
        let [begins_with, name, _source] = fields(line)?;
        data.tokenizers.push((begins_with, name));
    }
    for line in lines(ratios) {
        let [from, to, least, most, reason] = fields(line)?;
        // Zero is rejected because an inverted ratio divides by it.
        let permille = |text: &str| match text.parse() {
            Ok(0) | Err(_) => None,
            Ok(numerator) => Some(Fraction { numerator, denominator: 1_000 }),
        };
        data.ratios.push((from, to, Ratio { least: permille(least)?, most: permille(most)?, reason }));
    }
    for line in lines(densities) {
        let [tokenizer, tokens, _source] = fields(line)?;
        data.densities.push((tokenizer, tokens.parse().ok()?));
    }
    Some(data)
}

/// Returns the lines without comments and column names.
fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn fields<const N: usize>(line: &'static str) -> Option<[&'static str; N]> {
    let fields: Vec<_> = line.split('\t').collect();
    fields.try_into().ok().filter(|fields: &[&str; N]| fields.iter().all(|field| !field.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Prices;

    fn parse(id: &str) -> ModelRef<'_> {
        ModelRef::parse(id).unwrap()
    }

    #[test]
    fn all_committed_data_loads_and_names_bundled_models() {
        assert_eq!(DATA.tokenizers.len(), lines(include_str!("../data/tokenizers.tsv")).count());
        assert_eq!(DATA.ratios.len(), lines(include_str!("../data/token-ratios.tsv")).count());
        assert_eq!(DATA.densities.len(), lines(include_str!("../data/text-density.tsv")).count());
        assert!(DATA.densities.iter().any(|(tokenizer, _)| *tokenizer == "*"));
        let prices = Prices::bundled();
        let models: BTreeSet<&str> = prices.rows().map(crate::Price::model).collect();
        let names: BTreeSet<&str> = DATA.tokenizers.iter().map(|(_, name)| *name).chain(["*"]).collect();
        for (begins_with, _) in &DATA.tokenizers {
            assert!(models.iter().any(|model| model.starts_with(begins_with)), "{begins_with}");
            let prefixes = DATA.tokenizers.iter().filter(|(other, _)| begins_with.starts_with(other));
            assert_eq!(prefixes.count(), 1, "{begins_with}");
        }
        for (tokenizer, tokens) in &DATA.densities {
            assert!(names.contains(tokenizer) && (100..=DENSEST).contains(tokens), "{tokenizer}");
        }
        for (from, to, ratio) in &DATA.ratios {
            assert!(names.contains(from) && names.contains(to), "{from} {to}");
            assert!(ratio.least.numerator < ratio.most.numerator, "{from} {to}");
        }
    }

    #[test]
    fn claude_models_since_3_have_a_known_tokenizer_which_changes_with_opus_4_7() {
        let prices = Prices::bundled();
        for model in prices.rows().map(crate::Price::model).filter(|model| model.starts_with("anthropic.claude-")) {
            let old = ["anthropic.claude-v", "anthropic.claude-instant"].iter().any(|name| model.starts_with(name));
            assert_eq!(tokenizer(parse(model)).is_some(), !old, "{model}");
        }
        assert_eq!(tokenizer(parse("us.anthropic.claude-opus-4-6-v1")), Some("claude-3"));
        assert_eq!(tokenizer(parse("us.anthropic.claude-opus-4-7")), Some("claude-4-7"));
        assert_eq!(tokenizer(parse("anthropic.claude-opus-4-1-20250805-v1:0")), Some("claude-3"));
    }

    #[test]
    fn all_ids_of_a_model_have_the_same_tokenizer() {
        assert_eq!(ratio(parse("stability.x-v1:0"), parse("us.stability.x-v1")), None);
        assert_eq!(ratio(parse("amazon.nova-pro-v1:0:24k"), parse("eu.amazon.nova-micro-v1:0")), None);
        assert!(ratio(parse("ai21.a"), parse("ai21.b")).is_some(), "no source says that they are the same");
        assert_eq!(ratio(parse("my-name"), parse("my-name")), None);
        assert!(ratio(parse("my-name"), parse("my-other-name")).is_some());
    }

    #[test]
    fn bounds_are_rounded_outwards_in_both_directions() {
        let new = ratio(parse("anthropic.claude-sonnet-4-6"), parse("anthropic.claude-sonnet-5")).unwrap();
        assert_eq!((new.fewest(101), new.most(101)), (101, 149), "148.47");
        let old = ratio(parse("anthropic.claude-sonnet-5"), parse("anthropic.claude-sonnet-4-6")).unwrap();
        assert_eq!((old.fewest(101), old.most(101)), (68, 101), "68.7");
        assert_eq!((old.fewest(0), old.most(0)), (0, 0));
        assert_eq!(new.most(u64::MAX), u64::MAX);
        assert_eq!(old.reason, new.reason);
    }
}
