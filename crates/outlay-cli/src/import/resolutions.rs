use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::build_error::BuildError;
use super::imported::ImportOptions;
use super::source_id::{Id, matches_pattern};
use outlay_price::UnitPrice;
use outlay_price::parts::Row;
use outlay_price::{Confidence, Routing, Tier};

const RULES: &str = include_str!("../../data/resolutions.toml");

/// The hand-written rules, each with its reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolutions {
    /// The version of the table, which is the day of its newest fact.
    pub(super) version: String,
    /// The names of the sources in the table, and the days of their figures.
    pub(super) sources: SourceNames,
    /// Vendors with cache writes that live thirty minutes. Those of other vendors live five.
    pub(super) thirty_minute_vendors: Vec<String>,
    /// Models with free cache writes.
    pub(super) free_cache_writes: FreeWrites,
    /// The cost of a call to provisioned throughput.
    pub(super) provisioned: Provisioned,
    /// The rule for audio prices that equal the price of text.
    pub(super) audio_as_text: NamedReason,
    /// The rule for a price that changes above a context size if no source states it.
    pub(super) long_context_unknown: NamedReason,
    /// The rule for prices that AWS's Price List states otherwise, or that follow from it.
    pub(super) aws_is_closer: NamedReason,
    /// The rule for prices of the list that are not twice their batch price.
    pub(super) batch_contradicts: NamedReason,
    /// The rule for models with another price of us-east-1 on the pricing page.
    pub(super) page_contradicts: NamedReason,
    #[serde(default)]
    pub(super) skip: Vec<Skip>,
    #[serde(default)]
    pub(super) skip_field: Vec<SkipField>,
    #[serde(default)]
    pub(super) add: Vec<Add>,
    #[serde(default)]
    pub(super) copy: Vec<Copy>,
    #[serde(default)]
    pub(super) conflict: Vec<Conflict>,
    #[serde(default)]
    pub(super) units: Vec<StatedUnits>,
    /// Models that cost the same in all commercial regions.
    #[serde(default)]
    pub(super) same_everywhere: Vec<SameEverywhere>,
    /// Prices of one source that a second one without its own table confirms.
    #[serde(default)]
    pub(super) second_source: Vec<SecondSource>,
    /// Prices that no source has a row for.
    #[serde(default)]
    pub(super) stated: Vec<AddedPrice>,
    /// Days on which a price changed.
    #[serde(default)]
    pub(super) change: Vec<PriceChange>,
    /// Rows of AWS's Price List that AWS itself contradicts.
    #[serde(default)]
    pub(super) list_error: Vec<ListError>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SameEverywhere {
    models: Vec<String>,
    #[expect(dead_code, reason = "for readers of the file")]
    evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondSource {
    pub(super) model: String,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

/// A wrong row of the list, and the right price.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListError {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) region: String,
    #[serde(default)]
    pub(super) batch: bool,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FreeWrites {
    pub(super) name: String,
    pub(super) models: Vec<String>,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provisioned {
    pub(super) name: String,
    pub(super) source: SourceName,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedReason {
    pub(super) name: String,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceNames {
    pub(super) litellm: SourceName,
    #[serde(rename = "genai-prices")]
    pub(super) genai: SourceName,
    #[serde(rename = "aws-price-list")]
    pub(super) price_list: SourceName,
    #[serde(rename = "aws-pricing-page")]
    pub(super) pricing_page: SourceName,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceName {
    pub(super) name: String,
    /// The day of its figures.
    pub(super) as_of: String,
}

/// Keys of a source that are left out of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    pub(super) source: Source,
    keys: Vec<String>,
    pub(super) reason: String,
}

/// A price field that is left out of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkipField {
    pub(super) field: String,
    pub(super) reason: String,
}

/// Ids that no source lists, with a price by the rules of genai-prices.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    pub(super) ids: Vec<String>,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

/// Ids with a wrong or missing row, which is copied from another id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    pub(super) name: String,
    /// The pairs of ids to copy: target, source.
    pairs: Vec<(String, String)>,
    reason: String,
}

/// Ids on which the sources differ, and the source to use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conflict {
    pub(super) name: String,
    ids: Vec<String>,
    pub(super) take: Source,
    pub(super) reason: String,
}

/// Unit prices from a separate source, which replace those of the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatedUnits {
    pub(super) name: String,
    source: SourceName,
    ids: Vec<String>,
    /// The prices by unit and conditions, as in price files.
    prices: BTreeMap<String, String>,
    reason: String,
}

/// Prices by their names in price files.
pub(super) type Amounts = BTreeMap<String, String>;

/// A price that no source has a row for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddedPrice {
    pub(super) name: String,
    pub(super) source: SourceName,
    pub(super) ids: Vec<String>,
    /// Defaults to the region or geography that a source without regions is about. `*` is all regions.
    #[serde(default)]
    pub(super) regions: Vec<String>,
    #[serde(default)]
    pub(super) over: u64,
    pub(super) tier: Option<String>,
    /// Whether it is for the optimized latency.
    #[serde(default)]
    pub(super) optimized: bool,
    pub(super) rates: Option<Amounts>,
    pub(super) units: Option<Amounts>,
    /// The name of a [`Confidence`].
    pub(super) confidence: String,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

/// A day on which a price changed, for which the sources have only the earlier or the later price. If neither is given
/// here, the missing price is unknown for all tiers and routings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceChange {
    pub(super) name: String,
    pub(super) model: String,
    /// Whether it is for the global profile instead of the regions.
    #[serde(default)]
    pub(super) global: bool,
    #[serde(default)]
    pub(super) batch: bool,
    pub(super) on: String,
    /// Defaults to all places where the model has a price.
    #[serde(default)]
    pub(super) regions: Vec<String>,
    pub(super) before: Option<Amounts>,
    pub(super) after: Option<Amounts>,
    /// The input size above which the earlier price is unknown. The later price is known.
    pub(super) unknown_before_over: Option<u64>,
    pub(super) reason: String,
}

/// The reason to doubt a price of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A rule, which states the right price.
    Rule,
    /// The batch price, which is not half of the on-demand price.
    Batch,
    /// The pricing page, which has another price of us-east-1.
    Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Source {
    #[serde(rename = "litellm")]
    LiteLlm,
    #[serde(rename = "genai-prices")]
    GenAi,
}

pub(super) fn parse(text: &str) -> Result<Resolutions, BuildError> {
    toml::from_str(text).map_err(|error| BuildError::one(format!("resolutions: {error}")))
}

impl Resolutions {
    /// Returns the bundled rules with another name and day for a source.
    pub(super) fn with_source(source: Source, options: &ImportOptions) -> Result<Self, BuildError> {
        let mut rules = parse(RULES)?;
        let names = match source {
            Source::LiteLlm => &mut rules.sources.litellm,
            Source::GenAi => &mut rules.sources.genai,
        };
        names.name.clone_from(&options.source);
        names.as_of.clone_from(&options.as_of);
        Ok(rules)
    }

    /// Returns the rules of the bundled table. They are known to parse: a test builds that table with them.
    pub(super) fn bundled() -> Option<&'static Self> {
        static PARSED: LazyLock<Option<Resolutions>> = LazyLock::new(|| parse(RULES).ok());
        PARSED.as_ref()
    }

    pub(super) fn skipped(&self, source: Source, key: &str) -> Option<&Skip> {
        self.skip
            .iter()
            .find(|skip| skip.source == source && skip.keys.iter().any(|pattern| matches_pattern(pattern, key)))
    }

    pub(super) fn skipped_field(&self, field: &str) -> Option<&SkipField> {
        self.skip_field.iter().find(|skip| skip.field == field)
    }

    pub(super) fn conflict(&self, id: &Id) -> Option<&Conflict> {
        let id = id.to_string();
        self.conflict.iter().find(|conflict| conflict.ids.iter().any(|pattern| matches_pattern(pattern, &id)))
    }

    /// Returns the rule that explains why an id's price differs from the source, and its reason.
    pub(super) fn reason(&self, id: &Id, source: Source) -> Option<(&str, &str)> {
        let decided = self.conflict(id).filter(|conflict| conflict.take != source);
        let copied = self.copy.iter().find(|copy| copy.pairs().flatten().any(|(to, _)| to == *id));
        let stated = self.units_of(id);
        decided
            .map(|conflict| (&*conflict.name, &*conflict.reason))
            .or_else(|| copied.map(|copy| (&*copy.name, &*copy.reason)))
            .or_else(|| stated.map(|stated| (&*stated.name, &*stated.reason)))
    }

    /// Returns the rule that sets the unit prices of an id.
    pub(super) fn units_of(&self, id: &Id) -> Option<&StatedUnits> {
        self.units.iter().find(|stated| stated.is_of(id))
    }

    /// Returns the rule that explains why a row of the list is in doubt, and its reason.
    pub(super) fn list_rule(&self, doubt: Doubt, id: &str, region: &str, batch: bool) -> (&str, &str) {
        let mut rules = self.list_error.iter();
        let own = rules.find(|rule| rule.id == id && rule.region == region && rule.batch == batch);
        match (own, doubt) {
            (Some(rule), _) => (&rule.name, &rule.reason),
            (None, Doubt::Page) => (&self.page_contradicts.name, &self.page_contradicts.reason),
            (None, _) => (&self.batch_contradicts.name, &self.batch_contradicts.reason),
        }
    }

    /// Returns the change that is named in the note of a price, and its reason.
    pub(super) fn change_rule(&self, id: &str, note: &str) -> Option<(&str, &str)> {
        let named = |name: &str| note.split(',').any(|own| own == name);
        let change = self.change.iter().find(|change| change.is_of(id) && named(change.name()));
        change.map(|change| (change.name(), change.reason()))
    }

    /// Returns whether a model is known to cost the same in all commercial regions.
    pub(super) fn is_same_everywhere(&self, model: &str) -> bool {
        self.same_everywhere.iter().any(|rule| rule.models.iter().any(|pattern| matches_pattern(pattern, model)))
    }

    pub(super) fn has_free_cache_writes(&self, model: &str) -> bool {
        self.free_cache_writes.models.iter().any(|pattern| matches_pattern(pattern, model))
    }

    pub(super) fn has_thirty_minute_cache_writes(&self, vendor: &str) -> bool {
        self.thirty_minute_vendors.iter().any(|known| known == vendor)
    }
}

impl StatedUnits {
    fn is_of(&self, id: &Id) -> bool {
        let id = id.to_string();
        self.ids.iter().any(|pattern| matches_pattern(pattern, &id))
    }

    /// Sets the unit prices of matching rows. Returns whether there are any.
    pub(super) fn put_into(&self, rows: &mut [Row]) -> Result<bool, BuildError> {
        let bad = |name: &str| BuildError::one(format!("resolutions: {}: {name} is not a unit price", self.name));
        let prices =
            self.prices.iter().map(|(name, amount)| UnitPrice::parse_parts(name, amount).map_err(|_| bad(name)));
        let prices: Vec<UnitPrice> = prices.collect::<Result<_, _>>()?;
        let mut found = false;
        for row in rows {
            let routing = row.routings.first().copied().unwrap_or(Routing::InRegion);
            let id = Id { region: row.region().map(str::to_owned), routing, model: row.model.clone() };
            if row.tier == Tier::Default && self.is_of(&id) {
                found = true;
                row.units.clone_from(&prices);
                row.source.clone_from(&self.source.name);
                row.as_of.clone_from(&self.source.as_of);
                row.confidence = Confidence::Resolved;
                row.note.clone_from(&self.name);
            }
        }
        Ok(found)
    }
}

impl Source {
    /// Returns its name in the table.
    pub(super) fn name(self, rules: &Resolutions) -> &SourceName {
        match self {
            Self::LiteLlm => &rules.sources.litellm,
            Self::GenAi => &rules.sources.genai,
        }
    }
}

impl Copy {
    /// Keeps the pairs in which at least one id is known.
    pub(super) fn retain(&mut self, is_known: impl Fn(&Id) -> bool) {
        self.pairs.retain(|(to, from)| [to, from].iter().any(|id| Id::parse(id).is_ok_and(|id| is_known(&id))));
    }

    /// Returns the pairs of ids to copy: target, source.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Result<(Id, Id), BuildError>> {
        self.pairs.iter().map(|(to, from)| Ok((Id::parse(to)?, Id::parse(from)?)))
    }
}

impl PriceChange {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns whether the change is for a model.
    pub(super) fn is_of(&self, model: &str) -> bool {
        matches_pattern(&self.model, model)
    }
}
