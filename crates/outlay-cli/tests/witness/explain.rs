//! The explanations of prices in the witness that differ from ours.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use outlay_price::parts::Rates;
use outlay_price::{Confidence, Geo, ModelRef, Price, PriceQuery, Prices, Routing, Tier, Timestamp, Unit};
use serde::Deserialize;

use crate::portkey::Statement;

/// A kind of difference. They are tried in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    NoBedrockId,
    NotPricedHere,
    StandIn,
    Rounded,
    Computed,
    SameInAllRegions,
    Global,
    /// Explained by the rule of `witness.toml` with this name.
    Known(String),
}

impl Kind {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::NoBedrockId => "no-bedrock-id",
            Self::NotPricedHere => "no-source-has-it",
            Self::StandIn => "no-source-has-it-in-the-region",
            Self::Rounded => "rounded-by-aws",
            Self::Computed => "computed-from-standard",
            Self::SameInAllRegions => "cache-of-their-default-region",
            Self::Global => "global-price",
            Self::Known(name) => name,
        }
    }
}

/// Our table's price for a statement of the witness.
#[derive(Debug)]
pub(crate) enum Ours<'a> {
    /// The model has no row for that routing.
    NoRow,
    /// The row has no price for this kind of token.
    NoPrice(&'a Price),
    Price(&'a Price, u64),
}

impl Ours<'_> {
    pub(crate) fn picos(&self) -> Option<u64> {
        match self {
            Self::Price(_, picos) => Some(*picos),
            Self::NoRow | Self::NoPrice(_) => None,
        }
    }
}

/// Explanations of single differences.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    difference: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    /// Ids; a trailing `*` matches any end.
    models: Vec<String>,
    /// Kinds of token; defaults to all.
    #[serde(default)]
    what: Vec<String>,
    reason: String,
}

pub(crate) struct Witness {
    statements: BTreeSet<Statement>,
    prices: Prices,
    at: Timestamp,
    rules: Vec<Rule>,
    /// The rules and models that explained a difference.
    used: RefCell<BTreeSet<(String, String)>>,
}

impl Witness {
    pub(crate) fn new(statements: BTreeSet<Statement>, rules: &str) -> Self {
        let rules: Rules = toml::from_str(rules).unwrap();
        let at = "2026-08-21T00:00:00Z".parse().unwrap();
        Self { statements, prices: Prices::bundled(), at, rules: rules.difference, used: RefCell::default() }
    }

    pub(crate) fn statements(&self) -> &BTreeSet<Statement> {
        &self.statements
    }

    pub(crate) fn ours(&self, theirs: &Statement) -> Ours<'_> {
        let Ok(model) = ModelRef::parse(&theirs.key) else { return Ours::NoRow };
        self.find(model, theirs)
    }

    fn find<'s>(&'s self, model: ModelRef<'_>, theirs: &Statement) -> Ours<'s> {
        let mut query = PriceQuery::new(model, self.at);
        query.region = Some(region(theirs, model.routing()));
        query.tier = theirs.tier;
        let Some(price) = self.prices.lookup(&query) else { return Ours::NoRow };
        let picos = if theirs.what == "image" {
            let mut images = price.units().iter().filter(|unit| unit.unit() == Unit::OutputImage);
            // The witness has one price for all sizes; use ours that equals it, if any.
            let near = images.clone().find(|unit| unit.price().picos() == i128::from(theirs.picos));
            near.or_else(|| images.next()).and_then(|unit| u64::try_from(unit.price().picos()).ok())
        } else {
            let step = price.steps().iter().rev().find(|step| step.over <= theirs.over);
            let rates = step.map(|step| &step.rates);
            rates.and_then(|rates| rate(rates, &theirs.what))
        };
        picos.map_or(Ours::NoPrice(price), |picos| Ours::Price(price, picos))
    }

    /// Returns the first kind that explains the difference.
    pub(crate) fn explain(&self, theirs: &Statement, ours: &Ours<'_>) -> Option<Kind> {
        if theirs.picos == 0 && ours.picos().is_none() {
            return Some(Kind::NotPricedHere);
        }
        match ours {
            Ours::NoRow if !theirs.key.contains('.') || !self.is_known(theirs) => Some(Kind::NoBedrockId),
            Ours::NoRow if theirs.tier != Tier::Default => Some(Kind::NotPricedHere),
            Ours::NoRow => None,
            Ours::NoPrice(price) | Ours::Price(price, _) if price.confidence() == Confidence::Elsewhere => {
                Some(Kind::StandIn)
            }
            Ours::Price(_, ours) if is_rounded(*ours, theirs.picos) => Some(Kind::Rounded),
            _ if self.is_computed(theirs) => Some(Kind::Computed),
            _ if self.is_of_default_region(theirs) => Some(Kind::SameInAllRegions),
            _ if self.is_global(theirs) => Some(Kind::Global),
            _ => None,
        }
        .or_else(|| self.rule(theirs))
    }

    /// Returns whether the model has an on-demand price.
    fn is_known(&self, theirs: &Statement) -> bool {
        let on_demand = Statement { tier: Tier::Default, ..theirs.clone() };
        !matches!(self.ours(&on_demand), Ours::NoRow)
    }

    /// Returns whether the witness computes it from its on-demand price: half of it for batch and flex, 1.75 times for
    /// priority, and the same for caches.
    fn is_computed(&self, theirs: &Statement) -> bool {
        let hundredths = match theirs.tier {
            _ if theirs.what.starts_with("cache") => 100,
            Tier::Batch | Tier::Flex => 50,
            Tier::Priority => 175,
            _ => return false,
        };
        theirs.tier != Tier::Default
            && self.theirs(&Statement { tier: Tier::Default, ..theirs.clone() }, |standard| {
                // Some are rounded to a tenth of a thousandth of a dollar per million.
                (standard * hundredths).abs_diff(theirs.picos * 100) <= 50 * 100
            })
    }

    /// Returns whether it is a cache price that the witness has for its default region as well.
    fn is_of_default_region(&self, theirs: &Statement) -> bool {
        theirs.what.starts_with("cache")
            && theirs.region != "default"
            && self.theirs(&Statement { region: "default".to_owned(), ..theirs.clone() }, |default| {
                default == theirs.picos
            })
    }

    /// Returns whether the model's `global.` profile has this price.
    fn is_global(&self, theirs: &Statement) -> bool {
        let Some(base) = ModelRef::parse(&theirs.key).ok().and_then(|model| model.base_id().map(str::to_owned)) else {
            return false;
        };
        let global = format!("global.{base}");
        self.find(ModelRef::parse(&global).unwrap(), theirs).picos() == Some(theirs.picos)
    }

    /// Returns whether the witness has a price for the same, for which `holds` is true.
    fn theirs(&self, like: &Statement, holds: impl Fn(u64) -> bool) -> bool {
        let same = |one: &&Statement| {
            (&one.key, &one.region, one.tier, one.over, &one.what)
                == (&like.key, &like.region, like.tier, like.over, &like.what)
        };
        self.statements.iter().filter(same).any(|one| holds(one.picos))
    }

    fn rule(&self, theirs: &Statement) -> Option<Kind> {
        let is_for = |model: &str| match model.strip_suffix('*') {
            Some(start) => theirs.key.starts_with(start),
            None => theirs.key == model,
        };
        self.rules.iter().find_map(|rule| {
            let model = rule.models.iter().find(|model| is_for(model))?;
            let holds = rule.what.is_empty() || rule.what.contains(&theirs.what);
            holds.then(|| {
                self.used.borrow_mut().insert((rule.name.clone(), model.clone()));
                Kind::Known(rule.name.clone())
            })
        })
    }

    /// Returns the models of rules that explained nothing.
    pub(crate) fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let all = self.rules.iter().flat_map(|rule| rule.models.iter().map(|model| (rule.name.clone(), model.clone())));
        all.filter(|one| !used.contains(one)).map(|(rule, model)| format!("{rule}: {model}")).collect()
    }

    pub(crate) fn reason(&self, kind: &Kind) -> String {
        match kind {
            Kind::NoBedrockId => "the key is no id of a model on Bedrock that any source prices",
            Kind::NotPricedHere => "no other source has the model at this tier, or theirs is a price of 0 for what is not sold",
            Kind::StandIn => "no other source has the model in that region: ours stands in for it, and costs an estimate",
            Kind::Rounded => "AWS rounds to cents, or they do",
            Kind::Computed => {
                "they compute it from their standard price: half for batch and flex, 1.75 times for priority, caches as they \
                 are. AWS states another, or another follows from what it states"
            }
            Kind::SameInAllRegions => "they have the cache prices of their default region in all regions",
            Kind::Global => "they have the price of the `global.` profile for the others",
            Kind::Known(name) => {
                let rule = self.rules.iter().find(|rule| rule.name == *name);
                return rule.map_or_else(String::new, |rule| rule.reason.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        .to_owned()
    }
}

fn rate(rates: &Rates, what: &str) -> Option<u64> {
    let by_name: BTreeMap<&str, u64> =
        Rates::NAMES.into_iter().zip(rates.all()).filter_map(|(name, rate)| Some((name, rate?.picos()))).collect();
    let name = match what {
        // For a model with one cache lifetime, the witness has that write.
        "cache_write_5m" if !by_name.contains_key(what) => "cache_write_30m",
        name => name,
    };
    by_name.get(name).copied()
}

/// Returns whether one is the other rounded to cents per million tokens.
fn is_rounded(ours: u64, theirs: u64) -> bool {
    const CENT: u64 = 10_000;
    ours.abs_diff(theirs) <= CENT / 2 && (ours.is_multiple_of(CENT) || theirs.is_multiple_of(CENT))
}

/// Returns the region of a statement. Without one, it is us-east-1 or a region in the geography of the id.
fn region(theirs: &Statement, routing: Option<Routing>) -> &str {
    if theirs.region != "default" {
        return &theirs.region;
    }
    match routing {
        Some(Routing::Geo(Geo::Eu)) => "eu-west-1",
        Some(Routing::Geo(Geo::Apac | Geo::Jp)) => "ap-northeast-1",
        Some(Routing::Geo(Geo::Au)) => "ap-southeast-2",
        Some(Routing::Geo(Geo::In)) => "ap-south-1",
        Some(Routing::Geo(Geo::Ca)) => "ca-central-1",
        Some(Routing::Geo(Geo::UsGov)) => "us-gov-west-1",
        _ => "us-east-1",
    }
}
