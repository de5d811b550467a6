//! What rules add to the table: prices that no source has a row of, and changes of which a source has only one side.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::import::BuildError;
use crate::import::id::{Id, fits};
use crate::import::resolutions::{Resolutions, SourceName};
use outlay_price::parts::Start;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{RATES, Rate, RateSet, Rates};
use outlay_price::{Confidence, Latency, Routing, Tier, UnitPrice};

/// Prices by the names of price files.
type Amounts = BTreeMap<String, String>;

/// Prices that none of the sources has a row of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::import) struct StatedPrice {
    name: String,
    source: SourceName,
    ids: Vec<String>,
    /// Without any, the region or geography that a source without regions states.
    #[serde(default)]
    regions: Vec<String>,
    #[serde(default)]
    over: u64,
    tier: Option<String>,
    /// Whether it is of the optimized latency.
    #[serde(default)]
    optimized: bool,
    rates: Option<Amounts>,
    units: Option<Amounts>,
    /// The word of a [`Confidence`].
    confidence: String,
    #[expect(dead_code, reason = "for readers of the file")]
    reason: String,
}

/// A day on which a price changed, of which the sources have only what was before or what is after. Where neither is given,
/// the other one is not known, on any tier or road.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::import) struct Change {
    name: String,
    model: String,
    /// Whether it is of the global profile, and not of the regions.
    #[serde(default)]
    global: bool,
    #[serde(default)]
    batch: bool,
    on: String,
    /// Without any, wherever the model has a price.
    #[serde(default)]
    regions: Vec<String>,
    before: Option<Amounts>,
    after: Option<Amounts>,
    /// The input size above which the earlier price is unknown. The later price is known.
    unknown_before_over: Option<u64>,
    reason: String,
}

/// Adds the prices that rules state.
pub(super) fn with_stated(mut rows: Vec<Row>, rules: &Resolutions) -> Result<Vec<Row>, BuildError> {
    for rule in &rules.stated {
        for stated in rule.rows()? {
            let is_beside = |row: &&mut Row| {
                let key = |row: &Row| (row.model.clone(), row.place.clone(), row.tier, row.latency, row.context_over);
                key(row) == key(&stated) && row.routings == stated.routings && row.start.is_none()
            };
            // Units that another source does not have beside its tokens.
            match rows.iter_mut().find(is_beside) {
                Some(row) if stated.rates == Rates::default() && row.units.is_empty() => {
                    row.units = stated.units;
                    row.source = format!("{}+{}", row.source, stated.source);
                    row.note = noted(&row.note, &stated.note);
                }
                _ => rows.push(stated),
            }
        }
    }
    Ok(rows)
}

/// Puts the changes into the table.
pub(super) fn with_changes(mut rows: Vec<Row>, rules: &Resolutions) -> Result<Vec<Row>, BuildError> {
    for rule in &rules.change {
        rule.put_into(&mut rows)?;
    }
    Ok(rows)
}

fn rates(name: &str, amounts: &Amounts, own: Rates) -> Result<Rates, BuildError> {
    let mut all: [Option<Rate>; RATES] = own.all();
    for (kind, amount) in amounts {
        let index = Rates::NAMES.iter().position(|known| known == kind);
        let rate = Rate::per_million(amount).ok();
        let (Some(index), Some(rate)) = (index, rate) else {
            return Err(BuildError::one(format!("resolutions: {name}: {kind} {amount} is no price")));
        };
        all[index] = Some(rate);
    }
    Ok(Rates::from_all(all))
}

/// The kinds that have a price.
fn used(rates: Rates) -> RateSet {
    let mut used = RateSet::default();
    for (name, _) in Rates::NAMES.into_iter().zip(rates.all()).filter(|(_, rate)| rate.is_some()) {
        let _ = used.insert(name);
    }
    used
}

impl StatedPrice {
    fn rows(&self) -> Result<Vec<Row>, BuildError> {
        let none = Amounts::new();
        let confidence: Confidence =
            self.confidence.parse().map_err(|error| BuildError::one(format!("resolutions: {}: {error}", self.name)))?;
        let bad = |unit: &str| BuildError::one(format!("resolutions: {}: {unit} is no price of a unit", self.name));
        let tier = self.tier.as_deref().map_or(Ok(Tier::Default), str::parse::<Tier>);
        let tier = tier.map_err(|error| BuildError::one(format!("resolutions: {}: {error}", self.name)))?;
        let units = self.units.as_ref().unwrap_or(&none).iter();
        let units: Vec<UnitPrice> = units
            .map(|(unit, amount)| UnitPrice::parse_parts(unit, amount).map_err(|_| bad(unit)))
            .collect::<Result<_, _>>()?;
        let rates = rates(&self.name, self.rates.as_ref().unwrap_or(&none), Rates::default())?;
        let row = |id: &String| {
            let Id { model, routing, .. } = Id::parse(id)?;
            let place = match routing {
                _ if self.regions.iter().any(|region| region == "*") => Place::Any,
                _ if !self.regions.is_empty() => Place::Regions(self.regions.clone()),
                Routing::Geo(geo) => Place::Geo(geo),
                _ => Place::of_region(Some("us-east-1")),
            };
            Ok(Row {
                model,
                place,
                account: None,
                routings: vec![routing],
                tier,
                latency: if self.optimized { Latency::Optimized } else { Latency::Standard },
                context_over: self.over,
                start: None,
                rates,
                derived: RateSet::default(),
                units: units.clone(),
                source: self.source.name.clone(),
                as_of: self.source.as_of.clone(),
                confidence,
                note: self.name.clone(),
            })
        };
        self.ids.iter().map(row).collect()
    }
}

impl Change {
    pub(in crate::import) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::import) fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether it is of a model.
    pub(in crate::import) fn is_of(&self, model: &str) -> bool {
        fits(&self.model, model)
    }

    fn put_into(&self, rows: &mut Vec<Row>) -> Result<(), BuildError> {
        let problem = |what: &str| BuildError::one(format!("resolutions: {}: {what}", self.name));
        let on = Start::parse(&self.on).ok_or_else(|| problem("its day is none"))?;
        let tier = if self.batch { Tier::Batch } else { Tier::Default };
        let is_known = self.before.is_some() || self.after.is_some();
        let is_of = |row: &Row| {
            let is_there = row.tier == tier
                && row.latency == Latency::Standard
                && (row.routings == [Routing::Global]) == self.global;
            fits(&self.model, &row.model)
                && if is_known { is_there } else { !matches!(row.tier, Tier::Provisioned | Tier::Reserved) }
                && row.start.as_ref().is_none_or(|start| *start < on)
                && !matches!(row.place, Place::Geo(outlay_price::Geo::UsGov))
                && row.region().is_none_or(outlay_price::parts::is_commercial)
        };
        let mut added = Vec::new();
        for row in rows.iter_mut().filter(|row| is_of(row)) {
            if let Some(before) = &self.before {
                added.push(Row {
                    rates: rates(&self.name, before, row.rates)?,
                    note: noted(&row.note, &self.name),
                    ..row.clone()
                });
                row.start = Some(on.clone());
            } else if let Some(over) = self.unknown_before_over {
                let note = noted(&row.note, &self.name);
                added.push(Row { note: note.clone(), ..row.clone() });
                let derived = if row.confidence.is_exact() { used(row.rates) } else { RateSet::default() };
                added.push(Row { note, context_over: over, derived, units: Vec::new(), ..row.clone() });
                row.start = Some(on.clone());
            } else {
                let after = self.after.as_ref().map_or(Ok(row.rates), |after| rates(&self.name, after, row.rates))?;
                let place =
                    if self.regions.is_empty() { row.place.clone() } else { Place::Regions(self.regions.clone()) };
                added.push(Row {
                    rates: after,
                    place,
                    start: Some(on.clone()),
                    derived: RateSet::default(),
                    // The list still has the price of before, or nobody has published the new one.
                    confidence: if self.after.is_some() { Confidence::Resolved } else { Confidence::Derived },
                    note: noted(&row.note, &self.name),
                    ..row.clone()
                });
            }
        }
        if added.is_empty() {
            return Err(problem(&format!("there is no price of {} that it is of", self.model)));
        }
        rows.extend(added);
        Ok(())
    }
}

fn noted(note: &str, name: &str) -> String {
    if note.is_empty() { name.to_owned() } else { format!("{note},{name}") }
}
