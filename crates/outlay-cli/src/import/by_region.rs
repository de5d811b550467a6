//! What other sources say, by region: AWS's Price List states input and output by region, its pricing page confirms the
//! rest, and what nobody states for a region follows the model's own ratios.
//!
//! | a rate | is |
//! |---|---|
//! | of the Price List, in its region | listed |
//! | that the pricing page has | listed |
//! | on which two other sources agree, in the region that they are of | agreed |
//! | that follows from the region's input or output by the model's ratio | derived |
//! | of one other source | single |
//!
//! A source without regions states us-east-1, and the geography of a profile's id. A model whose price is known to be the
//! same everywhere has one row for all regions.

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::agree::differences;
pub(super) use self::amend::{Change, StatedPrice};
use self::labels::Labels;
pub(super) use self::list::Doubt;
use self::list::{List, Pair, Variant};
use self::page::Page;
use super::BuildError;
use super::context_tiers::{Steps, by_price, with_all_bounds};
use super::resolutions::Resolutions;
use outlay_price::parts::ANY_PROVISIONED;
use outlay_price::parts::Start;
use outlay_price::parts::geos;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{RATES, Rate, RateSet, Rates};
use outlay_price::{Confidence, Geo, Latency, Routing, Tier};

mod agree;
mod amend;
mod labels;
mod list;
mod page;

/// What AWS itself publishes.
pub(super) struct Aws {
    list: List,
    page: Page,
    /// Ids of one model.
    twins: Vec<Vec<String>>,
}

impl Aws {
    pub(super) fn parse(list: &str, page: &str, labels: &str, rules: &Resolutions) -> Result<Self, BuildError> {
        let labels = Labels::parse(labels)?;
        let page = Page::parse(page, &labels)?;
        let mut list = List::parse(list, &labels, rules)?;
        let twins = labels.twins();
        list.doubt(&page, &twins);
        Ok(Self { list, page, twins })
    }
}

/// Puts rows of other sources, whose place is any region or one, where AWS says that they are, and adds what it says.
pub(super) fn combine(rows: Vec<Row>, aws: &Aws, rules: &Resolutions) -> Result<Vec<Row>, BuildError> {
    let mut by_model: BTreeMap<String, Vec<Steps>> = BTreeMap::new();
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
    // Of some models only the list knows.
    for (model, _) in aws.list.0.keys() {
        by_model.entry(model.clone()).or_default();
    }
    add_tiers_of_twins(&mut by_model, aws);
    let mut all = Vec::new();
    for (model, prices) in by_model {
        let combiner =
            Combiner { model: &model, is_everywhere: rules.is_same_everywhere(&model), prices: &prices, aws, rules };
        all.extend(combiner.rows()?);
    }
    let rows = amend::with_stated(merged_roads(all), rules)?;
    amend::with_changes(with_all_bounds(rows, rules), rules)
}

/// What a source knows of one id of a model alone is so of its other ids too: its tiers, and what the list does not say of
/// a road.
fn add_tiers_of_twins(by_model: &mut BTreeMap<String, Vec<Steps>>, aws: &Aws) {
    let kind = |steps: &Steps| (steps[0].routings.clone(), steps[0].tier, steps[0].latency, steps[0].place.clone());
    let is_listed = |id: &str, routings: &[Routing]| match routings {
        [Routing::InRegion] => aws.list.0.contains_key(&(id.to_owned(), Variant::OnDemand)),
        [Routing::Global] => aws.list.0.contains_key(&(id.to_owned(), Variant::Global)),
        _ => false,
    };
    for ids in &aws.twins {
        let all: Vec<Steps> = ids.iter().filter_map(|id| by_model.get(id)).flatten().cloned().collect();
        for id in ids {
            let Some(own) = by_model.get_mut(id) else { continue };
            let kinds: BTreeSet<_> = own.iter().map(kind).collect();
            let has_road = |steps: &Steps| {
                let routings = &steps[0].routings;
                is_listed(id, routings) || own.iter().any(|own| own[0].routings == *routings)
            };
            let is_missing = |steps: &&Steps| {
                let is_tier = match steps[0].tier {
                    Tier::Batch | Tier::Flex | Tier::Priority => has_road(steps),
                    // The list has the road, and nobody what it does not say.
                    Tier::Default => is_listed(id, &steps[0].routings),
                    _ => false,
                };
                is_tier && !kinds.contains(&kind(steps))
            };
            let missing: Vec<Steps> = all.iter().filter(is_missing).cloned().collect();
            own.extend(
                missing
                    .into_iter()
                    .map(|steps| steps.into_iter().map(|row| Row { model: id.clone(), ..row }).collect::<Steps>()),
            );
        }
    }
}

/// Prices that are the same everywhere and on several roads have one row.
fn merged_roads(rows: Vec<Row>) -> Vec<Row> {
    let is_global = |steps: &Steps| steps[0].routings == [Routing::Global];
    let mut merged: Vec<Steps> = Vec::new();
    for (_, steps) in by_price(rows) {
        let is_same = |own: &&mut Steps| {
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
    is_everywhere: bool,
    prices: &'a [Steps],
    aws: &'a Aws,
    rules: &'a Resolutions,
}

impl Combiner<'_> {
    fn rows(&self) -> Result<Vec<Row>, BuildError> {
        let mut rows = Vec::new();
        // The roads and tiers that have rows by the list, with its regions.
        let mut covered: BTreeMap<(Routing, Tier), BTreeSet<&str>> = BTreeMap::new();
        for (variant, tier) in
            [(Variant::OnDemand, Tier::Default), (Variant::Global, Tier::Default), (Variant::Batch, Tier::Batch)]
        {
            let Some(by_region) = self.aws.list.0.get(&(self.model.to_owned(), variant)) else { continue };
            let routings = self.routings(variant);
            let base = self.base(&routings, tier);
            let is_listed = |routing: &&Routing| match routing {
                Routing::Geo(geo) => self.is_everywhere || by_region.keys().any(|region| geos(region).contains(geo)),
                _ => true,
            };
            let listed: Vec<Routing> = routings.iter().filter(is_listed).copied().collect();
            let regions: BTreeSet<&str> = by_region.keys().map(String::as_str).collect();
            covered.extend(listed.iter().map(|routing| ((*routing, tier), regions.clone())));
            let mut of_regions = Vec::new();
            for (region, pair) in by_region {
                let base = self.own_of(region, tier).or(base);
                of_regions.push((region.as_str(), self.listed(region, *pair, base, tier, &routings)));
            }
            rows.extend(self.compressed(of_regions)?);
            if variant == Variant::OnDemand {
                for tier in [Tier::Flex, Tier::Priority] {
                    let Some((own, plain)) = self.base(&routings, tier).zip(base) else { continue };
                    covered.extend(listed.iter().map(|routing| ((*routing, tier), regions.clone())));
                    let scaled = by_region.iter().map(|(region, pair)| match self.own_of(region, tier) {
                        Some(of_region) => (region.as_str(), self.stated(of_region, &routings)),
                        None => (region.as_str(), self.scaled(region, *pair, own, plain, &routings)),
                    });
                    rows.extend(self.compressed(scaled.collect())?);
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
            if !is_covered || self.is_history(steps) {
                rows.extend(self.stated(steps, &first.routings));
            }
        }
        Ok(rows)
    }

    /// The region that a source without regions speaks of; `None` where it is a geography, or the price is the same in all.
    fn region_of(&self, routing: Routing) -> Option<&'static str> {
        let is_of_region = !self.is_everywhere && matches!(routing, Routing::InRegion | Routing::Global);
        is_of_region.then_some("us-east-1")
    }

    /// The roads that a price of the list is of.
    fn routings(&self, variant: Variant) -> Vec<Routing> {
        if variant == Variant::Global {
            return vec![Routing::Global];
        }
        let geos: BTreeSet<Routing> = self.prices.iter().flat_map(|steps| steps[0].routings.clone()).collect();
        let is_commercial = |routing: &Routing| matches!(routing, Routing::Geo(geo) if *geo != Geo::UsGov);
        [Routing::InRegion].into_iter().chain(geos.into_iter().filter(is_commercial)).collect()
    }

    /// What other sources say of today, on the first of these roads that they have.
    fn base(&self, routings: &[Routing], tier: Tier) -> Option<&Steps> {
        let is_agreed = |steps: &&Steps| steps[0].confidence == Confidence::Agreed;
        let of_road = |routing: &Routing| {
            let own = self.prices.iter().filter(|steps| {
                let first = &steps[0];
                first.routings == [*routing]
                    && first.tier == tier
                    && first.latency == Latency::Standard
                    && first.place == Place::Any
            });
            own.max_by_key(|steps| steps[0].start.as_ref().map(|start| start.at))
        };
        routings.iter().filter_map(of_road).find(is_agreed).or_else(|| routings.iter().find_map(of_road))
    }

    /// What other sources say of this very region.
    fn own_of(&self, region: &str, tier: Tier) -> Option<&Steps> {
        self.prices.iter().find(|steps| {
            let first = &steps[0];
            first.region() == Some(region)
                && first.tier == tier
                && first.latency == Latency::Standard
                && first.routings == [Routing::InRegion]
        })
    }

    /// Whether it is a price of before today's.
    fn is_history(&self, steps: &Steps) -> bool {
        let first = &steps[0];
        let start = |steps: &Steps| steps[0].start.as_ref().map(|start| start.at);
        first.place == Place::Any
            && self.prices.iter().any(|other| {
                other[0].routings == first.routings
                    && (other[0].tier, other[0].latency, &other[0].place) == (first.tier, first.latency, &first.place)
                    && start(other) > start(steps)
            })
    }

    /// What the list says of a region, with what it does not say by the ratios of other sources.
    fn listed(&self, region: &str, pair: Pair, base: Option<&Steps>, tier: Tier, routings: &[Routing]) -> Steps {
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
        let mut steps: Steps = base.to_vec();
        let is_as_base = pair.input.is_none_or(|own| plain.input == Some(own))
            && pair.output.is_none_or(|own| plain.output == Some(own));
        for row in &mut steps {
            row.rates = by_ratio(row.rates, plain, pair);
            if row.context_over == 0 {
                row.rates.input = pair.input.or(row.rates.input);
                row.rates.output = pair.output.or(row.rates.output);
            }
            if !is_as_base {
                row.units.clear();
            }
        }
        let is_as_main = self.is_as_main(tier, routings, pair);
        let is_of_base =
            is_as_base && (self.is_everywhere || region == "us-east-1" || base[0].region() == Some(region));
        self.settle(
            steps,
            Settle {
                stated,
                is_of_base,
                is_as_main,
                is_doubtful: pair.doubt.is_some(),
                place: Place::of_region(Some(region)),
                routings,
            },
        )
    }

    /// Returns whether the price list has the same price in this region as in us-east-1, the region that the page is about.
    fn is_as_main(&self, tier: Tier, routings: &[Routing], pair: Pair) -> bool {
        let variant = match (tier, routings) {
            (Tier::Batch, _) => Variant::Batch,
            (_, [Routing::Global]) => Variant::Global,
            _ => Variant::OnDemand,
        };
        let main = self.aws.list.0.get(&(self.model.to_owned(), variant)).and_then(|of| of.get("us-east-1"));
        let whole = |pair: &Pair| pair.input.zip(pair.output);
        main.is_some_and(|main| whole(main).is_some() && whole(main) == whole(&pair))
    }

    /// Returns the price of a kind of token in us-east-1, from the first source that has one.
    fn main_rate(&self, tier: Tier, routings: &[Routing], over: u64, name: &str) -> Option<Rate> {
        let index = Rates::NAMES.iter().position(|known| *known == name)?;
        let is_main = |steps: &&Steps| {
            let first = &steps[0];
            (first.tier, first.latency) == (tier, Latency::Standard)
                && first.routings.iter().any(|routing| routings.contains(routing) || *routing == Routing::InRegion)
                && matches!(first.region(), None | Some("us-east-1"))
        };
        let rows = self.prices.iter().filter(is_main).flatten();
        rows.filter(|row| row.context_over == over).find_map(|row| row.rates.all()[index])
    }

    /// Another tier in a region, by the ratio of that region's price to the one that the tier was stated beside.
    fn scaled(&self, region: &str, pair: Pair, own: &Steps, plain: &Steps, routings: &[Routing]) -> Steps {
        let plain = plain[0].rates;
        let is_as_base = pair.input.is_none_or(|rate| plain.input == Some(rate))
            && pair.output.is_none_or(|rate| plain.output == Some(rate));
        let mut steps = own.clone();
        // It is stated for us-east-1.
        let is_own = region == "us-east-1";
        for row in steps.iter_mut().filter(|_| !is_own && !is_as_base) {
            row.rates = by_ratio(row.rates, plain, pair);
            row.source = joined(&self.rules.sources.price_list.name, &row.source);
        }
        let is_of_base = is_own || (is_as_base && self.is_everywhere);
        let place = Place::of_region(Some(region));
        let is_as_main = self.is_as_main(Tier::Default, routings, pair);
        let is_doubtful = pair.doubt.is_some();
        self.settle(steps, Settle { stated: RateSet::default(), is_of_base, is_as_main, is_doubtful, place, routings })
    }

    /// What other sources say of a place that the list does not have.
    fn stated(&self, steps: &Steps, routings: &[Routing]) -> Steps {
        let first = &steps[0];
        let place = match (&first.place, first.routings[0]) {
            (Place::Any, Routing::Geo(Geo::UsGov)) => Place::Geo(Geo::UsGov),
            (Place::Any, _) if self.is_everywhere || matches!(first.tier, Tier::Provisioned | Tier::Reserved) => {
                Place::Any
            }
            (Place::Any, Routing::Geo(geo)) => Place::Geo(geo),
            (Place::Any, _) => Place::of_region(Some("us-east-1")),
            (place, _) => place.clone(),
        };
        let stated = RateSet::default();
        let settle = Settle { stated, is_of_base: true, is_as_main: false, is_doubtful: false, place, routings };
        self.settle(steps.clone(), settle)
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

    /// Decides how sure each rate is, and so the row.
    fn settle(&self, mut steps: Steps, how: Settle<'_>) -> Steps {
        let base = steps[0].confidence;
        // The page does not say of which region a price is, but that of us-east-1 is there: elsewhere, the same figure is no
        // evidence of its own.
        let is_main = self.is_everywhere
            || how.is_as_main
            || match &how.place {
                Place::Regions(regions) => regions.iter().any(|region| region == "us-east-1"),
                Place::Geo(geo) => *geo == Geo::Us,
                Place::Any => true,
            };
        let (tier, routings) = (steps[0].tier, how.routings);
        let speaks_of = |row: &Row, name: &str, rate: Rate| {
            is_main || self.main_rate(tier, routings, row.context_over, name) != Some(rate)
        };
        // The page is of the commercial regions.
        let is_commercial = match &how.place {
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
            let mut sure = RateSet::default();
            let (mut is_listed, mut is_paged) = (false, false);
            for (name, rate) in Rates::NAMES.into_iter().zip(row.rates.all()) {
                let Some(rate) = rate else { continue };
                let listed = row.context_over == 0 && how.stated.has(name);
                let paged = !listed && is_on_page(name, rate, row.start.as_ref()) && speaks_of(row, name, rate);
                let is_free = rate.picos() == 0;
                if listed || paged || is_free || (how.is_of_base && base == Confidence::Agreed) {
                    let _ = sure.insert(name);
                    is_listed |= listed;
                    is_paged |= paged && matches!(name, "input" | "output");
                } else {
                    let _ = derived.insert(name);
                }
            }
            row.place = how.place.clone();
            row.routings = how.routings.to_vec();
            if row.context_over == 0 {
                let has_rates = row.rates.all().iter().flatten().any(|rate| rate.picos() > 0);
                let units_are_sure = is_commercial
                    && row.units.iter().all(|unit| self.aws.page.has_unit(self.model, unit.price().picos()));
                let paged_units = !has_rates && !row.units.is_empty() && units_are_sure;
                confidence = Some(match () {
                    () if row.model == ANY_PROVISIONED
                        || (row.tier == Tier::Provisioned && row.rates == Rates::FREE) =>
                    {
                        Confidence::Listed
                    }
                    () if how.is_doubtful => Confidence::Resolved,
                    () if paged_units => Confidence::Listed,
                    // Of units there is nothing to say apart.
                    () if !row.units.is_empty() && !units_are_sure => base,
                    () if has_rates && (is_listed || is_paged) => Confidence::Listed,
                    () if how.is_of_base => base,
                    () => Confidence::Derived,
                });
                let sources = &self.rules.sources;
                let is_of_list_alone = row
                    .rates
                    .all()
                    .into_iter()
                    .zip(Rates::NAMES)
                    .all(|(rate, name)| rate.is_none_or(|rate| rate.picos() == 0 || how.stated.has(name)));
                if is_listed && is_of_list_alone && row.units.is_empty() && !how.is_doubtful {
                    row.source.clone_from(&sources.price_list.name);
                    row.as_of.clone_from(&sources.price_list.as_of);
                } else if is_listed {
                    row.source = joined(&sources.price_list.name, &row.source);
                    row.as_of = row.as_of.clone().max(sources.price_list.as_of.clone());
                } else if is_paged || paged_units {
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
            // All of an unsure row is: there is no need to say of what.
            if !row.confidence.is_exact() {
                row.derived = RateSet::default();
            }
        }
        steps
    }

    /// Regions with the same price have one row; all of them, where the price is the same everywhere.
    fn compressed(&self, of_regions: Vec<(&str, Steps)>) -> Result<Vec<Row>, BuildError> {
        let mut groups: Vec<(Vec<String>, Steps)> = Vec::new();
        for (region, steps) in of_regions {
            let same = |own: &Steps| {
                own.len() == steps.len()
                    && own.iter().zip(&steps).all(|(a, b)| Row { place: b.place.clone(), ..a.clone() } == *b)
            };
            match groups.iter_mut().find(|(_, own)| same(own)) {
                Some((regions, _)) => regions.push(region.to_owned()),
                None => groups.push((vec![region.to_owned()], steps)),
            }
        }
        if self.is_everywhere && groups.len() > 1 {
            let regions: Vec<_> = groups.iter().map(|(regions, _)| regions.join(",")).collect();
            return Err(BuildError::one(format!(
                "resolutions: {} is said to cost the same everywhere, and does not: {}",
                self.model,
                regions.join(" | ")
            )));
        }
        let placed = groups.into_iter().flat_map(|(regions, steps)| {
            let place = if self.is_everywhere { Place::Any } else { Place::Regions(regions) };
            steps.into_iter().map(move |row| Row { place: place.clone(), ..row })
        });
        Ok(placed.collect())
    }
}

/// What is known of a price in a place.
struct Settle<'a> {
    /// The rates that the list states.
    stated: RateSet,
    /// Whether the other rates are as the other sources state them, for this place.
    is_of_base: bool,
    /// Whether the list has the price of us-east-1 there.
    is_as_main: bool,
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

/// Rates that stand to a region's price as they do to the plain one; to its output where they are of output.
fn by_ratio(rates: Rates, plain: Rates, pair: Pair) -> Rates {
    // Where the list has one of the two alone, the other one follows it.
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
