use super::by_region::Doubt;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::BuildError;
use super::by_region::{Change, StatedPrice};
use super::id::{Id, fits};
use super::imported::ImportOptions;
use outlay_price::UnitPrice;
use outlay_price::parts::Row;
use outlay_price::{Confidence, Routing, Tier};

const RULES: &str = include_str!("../../data/resolutions.toml");

/// The hand-written rules, each with its reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolutions {
    /// The version of the table: the day of its newest fact.
    pub(super) version: String,
    /// What the sources are called in the table, and when they said so.
    pub(super) sources: SourceNames,
    /// Vendors whose cache writes live thirty minutes; those of others live five.
    pub(super) thirty_minute_vendors: Vec<String>,
    /// Models whose cache writes cost nothing.
    pub(super) free_cache_writes: FreeWrites,
    /// What a call to provisioned throughput costs.
    pub(super) provisioned: Provisioned,
    /// Of prices of audio that only repeat that of text.
    pub(super) audio_as_text: Named,
    /// Of what costs something else above a context size, which no source says.
    pub(super) long_context_unknown: Named,
    /// Of prices that AWS's Price List states otherwise, or that follow from it.
    pub(super) aws_is_closer: Named,
    /// Of rows of the list that are not twice their own batch row.
    pub(super) batch_contradicts: Named,
    /// Of models of which the pricing page has another price of us-east-1.
    pub(super) page_contradicts: Named,
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
    /// Prices of one source on which another agrees that has no table of its own.
    #[serde(default)]
    pub(super) second_source: Vec<SecondSource>,
    /// Prices that none of the sources has a row of.
    #[serde(default)]
    pub(super) stated: Vec<StatedPrice>,
    /// Days on which a price changed.
    #[serde(default)]
    pub(super) change: Vec<Change>,
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

/// A row of the list that is wrong, and what is right.
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
pub(super) struct Named {
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
    /// The day on which its figures were taken.
    pub(super) as_of: String,
}

/// Keys of a source that stay out of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    pub(super) source: Source,
    keys: Vec<String>,
    pub(super) reason: String,
}

/// A price field that stays out of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkipField {
    pub(super) field: String,
    pub(super) reason: String,
}

/// Ids that no source lists, but whose price the rules of genai-prices tell.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    pub(super) ids: Vec<String>,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

/// Ids whose own row is wrong or missing and equals another's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    pub(super) name: String,
    /// To, from.
    pairs: Vec<(String, String)>,
    reason: String,
}

/// Ids where the sources differ, and which one holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conflict {
    pub(super) name: String,
    ids: Vec<String>,
    pub(super) take: Source,
    pub(super) reason: String,
}

/// Prices of units that a source of its own states, in the place of those of the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatedUnits {
    pub(super) name: String,
    source: SourceName,
    ids: Vec<String>,
    /// By the unit and its conditions, as in price files.
    prices: BTreeMap<String, String>,
    reason: String,
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
    /// Those rules, for figures of another source.
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

    /// The rules of the bundled table. They parse: a test builds that table with them.
    pub(super) fn bundled() -> Option<&'static Self> {
        static PARSED: LazyLock<Option<Resolutions>> = LazyLock::new(|| parse(RULES).ok());
        PARSED.as_ref()
    }

    pub(super) fn skipped(&self, source: Source, key: &str) -> Option<&Skip> {
        self.skip.iter().find(|skip| skip.source == source && skip.keys.iter().any(|pattern| fits(pattern, key)))
    }

    pub(super) fn skipped_field(&self, field: &str) -> Option<&SkipField> {
        self.skip_field.iter().find(|skip| skip.field == field)
    }

    pub(super) fn conflict(&self, id: &Id) -> Option<&Conflict> {
        let id = id.to_string();
        self.conflict.iter().find(|conflict| conflict.ids.iter().any(|pattern| fits(pattern, &id)))
    }

    /// The rule by which an id's price is not what the source says, and its reason.
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

    /// The rule by which a row of the list is not sure, and its reason.
    pub(super) fn list_rule(&self, doubt: Doubt, id: &str, region: &str, batch: bool) -> (&str, &str) {
        let mut rules = self.list_error.iter();
        let own = rules.find(|rule| rule.id == id && rule.region == region && rule.batch == batch);
        match (own, doubt) {
            (Some(rule), _) => (&rule.name, &rule.reason),
            (None, Doubt::Page) => (&self.page_contradicts.name, &self.page_contradicts.reason),
            (None, _) => (&self.batch_contradicts.name, &self.batch_contradicts.reason),
        }
    }

    /// The change that a price names, and its reason.
    pub(super) fn change_rule(&self, id: &str, note: &str) -> Option<(&str, &str)> {
        let named = |name: &str| note.split(',').any(|own| own == name);
        let change = self.change.iter().find(|change| change.is_of(id) && named(change.name()));
        change.map(|change| (change.name(), change.reason()))
    }

    /// Whether a model is known to cost the same in all commercial regions.
    pub(super) fn is_same_everywhere(&self, model: &str) -> bool {
        self.same_everywhere.iter().any(|rule| rule.models.iter().any(|pattern| fits(pattern, model)))
    }

    pub(super) fn writes_are_free(&self, model: &str) -> bool {
        self.free_cache_writes.models.iter().any(|pattern| fits(pattern, model))
    }

    pub(super) fn writes_live_thirty_minutes(&self, vendor: &str) -> bool {
        self.thirty_minute_vendors.iter().any(|known| known == vendor)
    }
}

impl StatedUnits {
    fn is_of(&self, id: &Id) -> bool {
        let id = id.to_string();
        self.ids.iter().any(|pattern| fits(pattern, &id))
    }

    /// Puts the prices into the rows that they are of. Returns whether there is one.
    pub(super) fn put_into(&self, rows: &mut [Row]) -> Result<bool, BuildError> {
        let bad = |name: &str| BuildError::one(format!("resolutions: {}: {name} is no price of a unit", self.name));
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
    /// What it is called in the table.
    pub(super) fn name(self, rules: &Resolutions) -> &SourceName {
        match self {
            Self::LiteLlm => &rules.sources.litellm,
            Self::GenAi => &rules.sources.genai,
        }
    }
}

impl Copy {
    /// Drops the pairs of which neither id is known.
    pub(super) fn retain(&mut self, is_known: impl Fn(&Id) -> bool) {
        self.pairs.retain(|(to, from)| [to, from].iter().any(|id| Id::parse(id).is_ok_and(|id| is_known(&id))));
    }

    /// To, from.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Result<(Id, Id), BuildError>> {
        self.pairs.iter().map(|(to, from)| Ok((Id::parse(to)?, Id::parse(from)?)))
    }
}
