//! The prices of all sources by region. AWS's Price List states input and output by region, and AWS's pricing page
//! confirms other prices. A price that no source states for a region follows from the model's own ratios.
//!
//! | rate | confidence |
//! |---|---|
//! | in the Price List, for its region | listed |
//! | on the pricing page | listed |
//! | in two other sources that agree, for their region | agreed |
//! | from the region's input or output by the model's ratio | derived |
//! | in one other source | single |
//!
//! A source without regions states the price in us-east-1, and in the geography of a profile's id. A model that is
//! known to cost the same everywhere has one row for all regions.

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::aws_prices::AwsPrices;
pub(super) use self::list_differences::differences;
use self::price_list::{RatePair, Variant};
use super::build_error::BuildError;
use super::context_tiers::{StepRows, by_price, with_missing_bounds};
use super::resolutions::Resolutions;
use outlay_price::parts::ANY_PROVISIONED;
use outlay_price::parts::Start;
use outlay_price::parts::geos;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{RATES, Rate, RateSet, Rates};
use outlay_price::{Confidence, Geo, Latency, Routing, Tier};

mod aws_prices;
mod list_differences;
mod price_list;
mod pricing_page;
mod region_labels;
mod rule_prices;

/// Returns the rows of other sources in the places that AWS states, with the prices that AWS adds. The place of the
/// given rows is any region or one.
pub(super) fn combine(rows: Vec<Row>, aws: &AwsPrices, rules: &Resolutions) -> Result<Vec<Row>, BuildError> {
    let mut by_model: BTreeMap<String, Vec<StepRows>> = BTreeMap::new();
    let is_agreed = |row: &Row| {
        row.confidence == Confidence::Single && rules.second_source.iter().any(|rule| rule.model == row.model)
    };
    let rows = rows.into_iter().map(|row| match is_agreed(&row) {
        true => Row { confidence: Confidence::Agreed, ..row },
        false => row,
    });
    for (_, steps) in by_price(rows.collect()) {
        by_model.entry(steps[0].model.clone()).or_default().push(steps);
    }
    // Only the list has some models.
    for (model, _) in aws.list.0.keys() {
        by_model.entry(model.clone()).or_default();
    }
    copy_within_id_groups(&mut by_model, aws);
    let mut all = Vec::new();
    for (model, prices) in by_model {
        let combiner =
            Combiner { model: &model, is_uniform: rules.is_same_everywhere(&model), prices: &prices, aws, rules };
        all.extend(combiner.rows()?);
    }
    let rows = rule_prices::with_added_prices(merge_routings(all), rules)?;
    rule_prices::with_price_changes(with_missing_bounds(rows, rules), rules)
}

/// Copies tiers that a source states for one id of a model to the model's other ids, and the rates that the list lacks
/// for a routing.
fn copy_within_id_groups(by_model: &mut BTreeMap<String, Vec<StepRows>>, aws: &AwsPrices) {
    let kind = |steps: &StepRows| (steps[0].routings.clone(), steps[0].tier, steps[0].latency, steps[0].place.clone());
    let is_listed = |id: &str, routings: &[Routing]| match routings {
        [Routing::InRegion] => aws.list.0.contains_key(&(id.to_owned(), Variant::OnDemand)),
        [Routing::Global] => aws.list.0.contains_key(&(id.to_owned(), Variant::Global)),
        _ => false,
    };
    for ids in &aws.id_groups {
        let all: Vec<StepRows> = ids.iter().filter_map(|id| by_model.get(id)).flatten().cloned().collect();
        for id in ids {
            let Some(own) = by_model.get_mut(id) else { continue };
            let kinds: BTreeSet<_> = own.iter().map(kind).collect();
            let has_routing = |steps: &StepRows| {
                let routings = &steps[0].routings;
                is_listed(id, routings) || own.iter().any(|own| own[0].routings == *routings)
            };
            let is_missing = |steps: &&StepRows| {
                let is_tier = match steps[0].tier {
                    Tier::Batch | Tier::Flex | Tier::Priority => has_routing(steps),
                    // The list has the routing, and no source has the rates that the list lacks.
                    Tier::Default => is_listed(id, &steps[0].routings),
                    _ => false,
                };
                is_tier && !kinds.contains(&kind(steps))
            };
            let missing: Vec<StepRows> = all.iter().filter(is_missing).cloned().collect();
            own.extend(
                missing
                    .into_iter()
                    .map(|steps| steps.into_iter().map(|row| Row { model: id.clone(), ..row }).collect::<StepRows>()),
            );
        }
    }
}

/// Merges prices that are the same everywhere for several routings into one row.
fn merge_routings(rows: Vec<Row>) -> Vec<Row> {
    let is_global = |steps: &StepRows| steps[0].routings == [Routing::Global];
    let mut merged: Vec<StepRows> = Vec::new();
    for (_, steps) in by_price(rows) {
        let is_same = |own: &&mut StepRows| {
            let same = |(own, row): (&Row, &Row)| {
                Row { routings: row.routings.clone(), note: row.note.clone(), ..own.clone() } == *row
            };
            own[0].place == Place::Any
                && is_global(own) == is_global(&steps)
                && own.len() == steps.len()
                && own.iter().zip(&steps).all(same)
        };
        match merged.iter_mut().rev().take_while(|own| own[0].model == steps[0].model).find(is_same) {
            Some(own) => own.iter_mut().zip(steps).for_each(|(own, row)| own.routings.extend(row.routings)),
            None => merged.push(steps),
        }
    }
    let mut rows: Vec<Row> = merged.into_iter().flatten().collect();
    rows.iter_mut().for_each(|row| row.routings.sort_unstable());
    rows
}

struct Combiner<'a> {
    model: &'a str,
    is_uniform: bool,
    prices: &'a [StepRows],
    aws: &'a AwsPrices,
    rules: &'a Resolutions,
}

impl Combiner<'_> {
    fn rows(&self) -> Result<Vec<Row>, BuildError> {
        let mut rows = Vec::new();
        // The routings and tiers that have rows from the list, with the regions of those.
        let mut covered: BTreeMap<(Routing, Tier), BTreeSet<&str>> = BTreeMap::new();
        for (variant, tier) in
            [(Variant::OnDemand, Tier::Default), (Variant::Global, Tier::Default), (Variant::Batch, Tier::Batch)]
        {
            let Some(by_region) = self.aws.list.0.get(&(self.model.to_owned(), variant)) else { continue };
            let routings = self.routings(variant);
            let base = self.base(&routings, tier);
            let is_listed = |routing: &&Routing| match routing {
                Routing::Geo(geo) => self.is_uniform || by_region.keys().any(|region| geos(region).contains(geo)),
                _ => true,
            };
            let listed: Vec<Routing> = routings.iter().filter(is_listed).copied().collect();
            let regions: BTreeSet<&str> = by_region.keys().map(String::as_str).collect();
            covered.extend(listed.iter().map(|routing| ((*routing, tier), regions.clone())));
            let mut of_regions = Vec::new();
            for (region, pair) in by_region {
                let base = self.regional(region, tier).or(base);
                of_regions.push((region.as_str(), self.listed(region, *pair, base, tier, &routings)));
            }
            rows.extend(self.merge_regions(of_regions)?);
            if variant == Variant::OnDemand {
                for tier in [Tier::Flex, Tier::Priority] {
                    let Some((own, plain)) = self.base(&routings, tier).zip(base) else { continue };
                    covered.extend(listed.iter().map(|routing| ((*routing, tier), regions.clone())));
                    let scaled = by_region.iter().map(|(region, pair)| match self.regional(region, tier) {
                        Some(of_region) => (region.as_str(), self.stated(of_region, &routings)),
                        None => (region.as_str(), self.scaled(region, *pair, own, plain, &routings)),
                    });
                    rows.extend(self.merge_regions(scaled.collect())?);
                }
            }
        }
        for steps in self.prices {
            let first = &steps[0];
            let is_covered = first.latency == Latency::Standard
                && first.routings.iter().all(|routing| {
                    let regions = covered.get(&(*routing, first.tier));
                    let region = first.region().or_else(|| self.region_of(*routing));
                    regions.is_some_and(|regions| region.is_none_or(|region| regions.contains(region)))
                });
            if !is_covered || self.is_past(steps) {
                rows.extend(self.stated(steps, &first.routings));
            }
        }
        Ok(rows)
    }

    /// Returns the region that a source without regions is about, or `None` for a geography or a price that is the same
    /// everywhere.
    fn region_of(&self, routing: Routing) -> Option<&'static str> {
        let is_of_region = !self.is_uniform && matches!(routing, Routing::InRegion | Routing::Global);
        is_of_region.then_some("us-east-1")
    }

    /// Returns the routings that a price of the list is for.
    fn routings(&self, variant: Variant) -> Vec<Routing> {
        if variant == Variant::Global {
            return vec![Routing::Global];
        }
        let geos: BTreeSet<Routing> = self.prices.iter().flat_map(|steps| steps[0].routings.clone()).collect();
        let is_commercial = |routing: &Routing| matches!(routing, Routing::Geo(geo) if *geo != Geo::UsGov);
        [Routing::InRegion].into_iter().chain(geos.into_iter().filter(is_commercial)).collect()
    }

    /// Returns the current price of the other sources for the first of these routings that has one. Agreed prices come
    /// first.
    fn base(&self, routings: &[Routing], tier: Tier) -> Option<&StepRows> {
        let is_agreed = |steps: &&StepRows| steps[0].confidence == Confidence::Agreed;
        let of_routing = |routing: &Routing| {
            let own = self.prices.iter().filter(|steps| {
                let first = &steps[0];
                first.routings == [*routing]
                    && first.tier == tier
                    && first.latency == Latency::Standard
                    && first.place == Place::Any
            });
            own.max_by_key(|steps| steps[0].start.as_ref().map(|start| start.at))
        };
        routings.iter().filter_map(of_routing).find(is_agreed).or_else(|| routings.iter().find_map(of_routing))
    }

    /// Returns the price of the other sources for this region.
    fn regional(&self, region: &str, tier: Tier) -> Option<&StepRows> {
        self.prices.iter().find(|steps| {
            let first = &steps[0];
            first.region() == Some(region)
                && first.tier == tier
                && first.latency == Latency::Standard
                && first.routings == [Routing::InRegion]
        })
    }

    /// Returns whether it is a past price.
    fn is_past(&self, steps: &StepRows) -> bool {
        let first = &steps[0];
        let start = |steps: &StepRows| steps[0].start.as_ref().map(|start| start.at);
        first.place == Place::Any
            && self.prices.iter().any(|other| {
                other[0].routings == first.routings
                    && (other[0].tier, other[0].latency, &other[0].place) == (first.tier, first.latency, &first.place)
                    && start(other) > start(steps)
            })
    }

    /// Returns the price of the list in a region. Rates that it does not state follow the ratios of other sources.
    fn listed(
        &self,
        region: &str,
        pair: RatePair,
        base: Option<&StepRows>,
        tier: Tier,
        routings: &[Routing],
    ) -> StepRows {
        let mut stated = RateSet::default();
        for (name, rate) in [("input", pair.input), ("output", pair.output)] {
            if rate.is_some() {
                let _ = stated.insert(name);
            }
        }
        let empty = self.empty(tier);
        let own = std::slice::from_ref(&empty);
        let base = base.map_or(own, Vec::as_slice);
        let plain = base[0].rates;
        let mut steps: StepRows = base.to_vec();
        let matches_base = pair.input.is_none_or(|own| plain.input == Some(own))
            && pair.output.is_none_or(|own| plain.output == Some(own));
        for row in &mut steps {
            row.rates = by_ratio(row.rates, plain, pair);
            if row.context_over == 0 {
                row.rates.input = pair.input.or(row.rates.input);
                row.rates.output = pair.output.or(row.rates.output);
            }
            if !matches_base {
                row.units.clear();
            }
        }
        let matches_main_region = self.matches_main_region(tier, routings, pair);
        let is_from_base =
            matches_base && (self.is_uniform || region == "us-east-1" || base[0].region() == Some(region));
        self.with_confidence(
            steps,
            Evidence {
                stated,
                is_from_base,
                matches_main_region,
                is_doubtful: pair.doubt.is_some(),
                place: Place::of_region(Some(region)),
                routings,
            },
        )
    }

    /// Returns whether the price list has the same price in this region as in us-east-1, the region that the page is
    /// about.
    fn matches_main_region(&self, tier: Tier, routings: &[Routing], pair: RatePair) -> bool {
        let variant = match (tier, routings) {
            (Tier::Batch, _) => Variant::Batch,
            (_, [Routing::Global]) => Variant::Global,
            _ => Variant::OnDemand,
        };
        let main = self.aws.list.0.get(&(self.model.to_owned(), variant)).and_then(|of| of.get("us-east-1"));
        let whole = |pair: &RatePair| pair.input.zip(pair.output);
        main.is_some_and(|main| whole(main).is_some() && whole(main) == whole(&pair))
    }

    /// Returns the price of a kind of token in us-east-1, from the first source that has one.
    fn main_rate(&self, tier: Tier, routings: &[Routing], over: u64, name: &str) -> Option<Rate> {
        let index = Rates::NAMES.iter().position(|known| *known == name)?;
        let is_main = |steps: &&StepRows| {
            let first = &steps[0];
            (first.tier, first.latency) == (tier, Latency::Standard)
                && first.routings.iter().any(|routing| routings.contains(routing) || *routing == Routing::InRegion)
                && matches!(first.region(), None | Some("us-east-1"))
        };
        let rows = self.prices.iter().filter(is_main).flatten();
        rows.filter(|row| row.context_over == over).find_map(|row| row.rates.all()[index])
    }

    /// Returns the price of another tier in a region, scaled by the ratio of the region's default price to the default
    /// price of the source.
    fn scaled(&self, region: &str, pair: RatePair, own: &StepRows, plain: &StepRows, routings: &[Routing]) -> StepRows {
        let plain = plain[0].rates;
        let matches_base = pair.input.is_none_or(|rate| plain.input == Some(rate))
            && pair.output.is_none_or(|rate| plain.output == Some(rate));
        let mut steps = own.clone();
        // The source states the price in us-east-1.
        let is_own = region == "us-east-1";
        for row in steps.iter_mut().filter(|_| !is_own && !matches_base) {
            row.rates = by_ratio(row.rates, plain, pair);
            row.source = joined(&self.rules.sources.price_list.name, &row.source);
        }
        let is_from_base = is_own || (matches_base && self.is_uniform);
        let place = Place::of_region(Some(region));
        let matches_main_region = self.matches_main_region(Tier::Default, routings, pair);
        let is_doubtful = pair.doubt.is_some();
        self.with_confidence(
            steps,
            Evidence { stated: RateSet::default(), is_from_base, matches_main_region, is_doubtful, place, routings },
        )
    }

    /// Returns the price of other sources for a place that the list does not have.
    fn stated(&self, steps: &StepRows, routings: &[Routing]) -> StepRows {
        let first = &steps[0];
        let place = match (&first.place, first.routings[0]) {
            (Place::Any, Routing::Geo(Geo::UsGov)) => Place::Geo(Geo::UsGov),
            (Place::Any, _) if self.is_uniform || matches!(first.tier, Tier::Provisioned | Tier::Reserved) => {
                Place::Any
            }
            (Place::Any, Routing::Geo(geo)) => Place::Geo(geo),
            (Place::Any, _) => Place::of_region(Some("us-east-1")),
            (place, _) => place.clone(),
        };
        let stated = RateSet::default();
        let evidence =
            Evidence { stated, is_from_base: true, matches_main_region: false, is_doubtful: false, place, routings };
        self.with_confidence(steps.clone(), evidence)
    }

    fn empty(&self, tier: Tier) -> Row {
        Row {
            model: self.model.to_owned(),
            place: Place::Any,
            account: None,
            routings: vec![Routing::InRegion],
            tier,
            latency: Latency::Standard,
            context_over: 0,
            start: None,
            rates: Rates::default(),
            derived: RateSet::default(),
            units: Vec::new(),
            source: String::new(),
            as_of: self.rules.sources.price_list.as_of.clone(),
            confidence: Confidence::Listed,
            note: String::new(),
        }
    }

    /// Sets the confidence of the rows, and which rates are derived.
    fn with_confidence(&self, mut steps: StepRows, evidence: Evidence<'_>) -> StepRows {
        let base = steps[0].confidence;
        // The page does not state its regions, but has the prices of us-east-1. The same figure in another region is no
        // evidence.
        let is_main = self.is_uniform
            || evidence.matches_main_region
            || match &evidence.place {
                Place::Regions(regions) => regions.iter().any(|region| region == "us-east-1"),
                Place::Geo(geo) => *geo == Geo::Us,
                Place::Any => true,
            };
        let (tier, routings) = (steps[0].tier, evidence.routings);
        let is_evidence = |row: &Row, name: &str, rate: Rate| {
            is_main || self.main_rate(tier, routings, row.context_over, name) != Some(rate)
        };
        // The page is about commercial regions.
        let is_commercial = match &evidence.place {
            Place::Regions(regions) => regions.iter().all(|region| outlay_price::parts::is_commercial(region)),
            Place::Geo(geo) => *geo != Geo::UsGov,
            Place::Any => true,
        };
        let is_on_page = |name: &str, rate: Rate, start: Option<&Start>| {
            is_commercial
                && start.is_none_or(|start| *start.text <= *self.rules.sources.pricing_page.as_of)
                && self.aws.page.has(self.model, name, rate)
        };
        let mut confidence = None;
        for row in &mut steps {
            let mut derived = RateSet::default();
            let mut certain = RateSet::default();
            let (mut is_listed, mut is_on_pricing_page) = (false, false);
            for (name, rate) in Rates::NAMES.into_iter().zip(row.rates.all()) {
                let Some(rate) = rate else { continue };
                let listed = row.context_over == 0 && evidence.stated.has(name);
                let on_page = !listed && is_on_page(name, rate, row.start.as_ref()) && is_evidence(row, name, rate);
                let is_free = rate.picos() == 0;
                if listed || on_page || is_free || (evidence.is_from_base && base == Confidence::Agreed) {
                    let _ = certain.insert(name);
                    is_listed |= listed;
                    is_on_pricing_page |= on_page && matches!(name, "input" | "output");
                } else {
                    let _ = derived.insert(name);
                }
            }
            row.place = evidence.place.clone();
            row.routings = evidence.routings.to_vec();
            if row.context_over == 0 {
                let has_rates = row.rates.all().iter().flatten().any(|rate| rate.picos() > 0);
                let units_are_certain = is_commercial
                    && row.units.iter().all(|unit| self.aws.page.has_unit(self.model, unit.price().picos()));
                let units_on_page = !has_rates && !row.units.is_empty() && units_are_certain;
                confidence = Some(match () {
                    () if row.model == ANY_PROVISIONED
                        || (row.tier == Tier::Provisioned && row.rates == Rates::FREE) =>
                    {
                        Confidence::Listed
                    }
                    () if evidence.is_doubtful => Confidence::Resolved,
                    () if units_on_page => Confidence::Listed,
                    // Units have no separate marks.
                    () if !row.units.is_empty() && !units_are_certain => base,
                    () if has_rates && (is_listed || is_on_pricing_page) => Confidence::Listed,
                    () if evidence.is_from_base => base,
                    () => Confidence::Derived,
                });
                let sources = &self.rules.sources;
                let is_from_list_only = row
                    .rates
                    .all()
                    .into_iter()
                    .zip(Rates::NAMES)
                    .all(|(rate, name)| rate.is_none_or(|rate| rate.picos() == 0 || evidence.stated.has(name)));
                if is_listed && is_from_list_only && row.units.is_empty() && !evidence.is_doubtful {
                    row.source.clone_from(&sources.price_list.name);
                    row.as_of.clone_from(&sources.price_list.as_of);
                } else if is_listed {
                    row.source = joined(&sources.price_list.name, &row.source);
                    row.as_of = row.as_of.clone().max(sources.price_list.as_of.clone());
                } else if is_on_pricing_page || units_on_page {
                    row.source = joined(&row.source, &sources.pricing_page.name);
                }
            }
            row.derived = derived;
        }
        let (source, as_of) = (steps[0].source.clone(), steps[0].as_of.clone());
        for row in &mut steps {
            row.confidence = confidence.unwrap_or(base);
            row.source.clone_from(&source);
            row.as_of.clone_from(&as_of);
            // In an estimated row all rates are estimates, so they need no marks.
            if !row.confidence.is_exact() {
                row.derived = RateSet::default();
            }
        }
        steps
    }

    /// Merges regions with the same price into one row, or all of them if the price is the same everywhere.
    fn merge_regions(&self, of_regions: Vec<(&str, StepRows)>) -> Result<Vec<Row>, BuildError> {
        let mut groups: Vec<(Vec<String>, StepRows)> = Vec::new();
        for (region, steps) in of_regions {
            let same = |own: &StepRows| {
                own.len() == steps.len()
                    && own.iter().zip(&steps).all(|(a, b)| Row { place: b.place.clone(), ..a.clone() } == *b)
            };
            match groups.iter_mut().find(|(_, own)| same(own)) {
                Some((regions, _)) => regions.push(region.to_owned()),
                None => groups.push((vec![region.to_owned()], steps)),
            }
        }
        if self.is_uniform && groups.len() > 1 {
            let regions: Vec<_> = groups.iter().map(|(regions, _)| regions.join(",")).collect();
            return Err(BuildError::one(format!(
                "resolutions: {} should cost the same everywhere, but does not: {}",
                self.model,
                regions.join(" | ")
            )));
        }
        let placed = groups.into_iter().flat_map(|(regions, steps)| {
            let place = if self.is_uniform { Place::Any } else { Place::Regions(regions) };
            steps.into_iter().map(move |row| Row { place: place.clone(), ..row })
        });
        Ok(placed.collect())
    }
}

/// The evidence for a price in a place.
struct Evidence<'a> {
    /// The rates that the list states.
    stated: RateSet,
    /// Whether the other rates are stated by other sources for this place.
    is_from_base: bool,
    /// Whether the list has the same price as in us-east-1.
    matches_main_region: bool,
    is_doubtful: bool,
    place: Place,
    routings: &'a [Routing],
}

fn joined(one: &str, other: &str) -> String {
    match other {
        "" => one.to_owned(),
        _ if one.ends_with(other) => one.to_owned(),
        _ => format!("{one}+{other}"),
    }
}

/// Scales rates by the ratio of a region's price to the plain one. Output rates follow the output price, all others the
/// input price.
fn by_ratio(rates: Rates, plain: Rates, pair: RatePair) -> Rates {
    // If the list has only one of the two, the other one follows it.
    let has = |own: Option<Rate>, plain: Option<Rate>| own.is_some() && plain.is_some_and(|plain| plain.picos() > 0);
    let input = (pair.input, plain.input);
    let output = (pair.output, plain.output);
    let of_input = if has(input.0, input.1) { input } else { output };
    let of_output = if has(output.0, output.1) { output } else { input };
    let scale = |rate: Rate, (own, plain): (Option<Rate>, Option<Rate>)| match (own, plain) {
        (Some(own), Some(plain)) if plain.picos() > 0 => {
            let scaled = (u128::from(rate.picos()) * u128::from(own.picos()) + u128::from(plain.picos()) / 2)
                / u128::from(plain.picos());
            Rate::from_picos(i128::try_from(scaled).unwrap_or(i128::MAX)).ok()
        }
        _ => Some(rate),
    };
    let mut scaled = [None; RATES];
    for ((slot, rate), name) in scaled.iter_mut().zip(rates.all()).zip(Rates::NAMES) {
        *slot = rate.and_then(|rate| match name {
            "output" | "output_audio" => scale(rate, of_output),
            _ => scale(rate, of_input),
        });
    }
    Rates::from_all(scaled)
}
