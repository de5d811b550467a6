//! Rows that rules add: prices that no source has, and price changes of which the sources have only one side.

use crate::import::build_error::BuildError;
use crate::import::note;
use crate::import::resolutions::{AddedPrice, Amounts, PriceChange, Resolutions};
use crate::import::source_id::{Id, matches_pattern};
use outlay_price::parts::Start;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{RATES, Rate, RateSet, Rates};
use outlay_price::{Confidence, Latency, Routing, Tier, UnitPrice};

/// Adds the prices that rules state.
pub(super) fn with_added_prices(mut rows: Vec<Row>, rules: &Resolutions) -> Result<Vec<Row>, BuildError> {
    for rule in &rules.stated {
        for stated in added_rows(rule)? {
            let is_beside = |row: &&mut Row| {
                let key = |row: &Row| (row.model.clone(), row.place.clone(), row.tier, row.latency, row.context_over);
                key(row) == key(&stated) && row.routings == stated.routings && row.start.is_none()
            };
            // Add units to a row that has only tokens.
            match rows.iter_mut().find(is_beside) {
                Some(row) if stated.rates == Rates::default() && row.units.is_empty() => {
                    row.units = stated.units;
                    row.source = format!("{}+{}", row.source, stated.source);
                    row.note = note::appended(&row.note, &stated.note);
                }
                _ => rows.push(stated),
            }
        }
    }
    Ok(rows)
}

/// Applies the price changes to the table.
pub(super) fn with_price_changes(mut rows: Vec<Row>, rules: &Resolutions) -> Result<Vec<Row>, BuildError> {
    for rule in &rules.change {
        apply_change(rule, &mut rows)?;
    }
    Ok(rows)
}

fn rates(name: &str, amounts: &Amounts, own: Rates) -> Result<Rates, BuildError> {
    let mut all: [Option<Rate>; RATES] = own.all();
    for (kind, amount) in amounts {
        let index = Rates::NAMES.iter().position(|known| known == kind);
        let rate = Rate::per_million(amount).ok();
        let (Some(index), Some(rate)) = (index, rate) else {
            return Err(BuildError::one(format!("resolutions: {name}: {kind} {amount} is not a price")));
        };
        all[index] = Some(rate);
    }
    Ok(Rates::from_all(all))
}

/// Returns the kinds that have a rate.
fn used(rates: Rates) -> RateSet {
    let mut used = RateSet::default();
    for (name, _) in Rates::NAMES.into_iter().zip(rates.all()).filter(|(_, rate)| rate.is_some()) {
        let _ = used.insert(name);
    }
    used
}

fn added_rows(rule: &AddedPrice) -> Result<Vec<Row>, BuildError> {
    let none = Amounts::new();
    let confidence: Confidence =
        rule.confidence.parse().map_err(|error| BuildError::one(format!("resolutions: {}: {error}", rule.name)))?;
    let bad = |unit: &str| BuildError::one(format!("resolutions: {}: {unit} is not a unit price", rule.name));
    let tier = rule.tier.as_deref().map_or(Ok(Tier::Default), str::parse::<Tier>);
    let tier = tier.map_err(|error| BuildError::one(format!("resolutions: {}: {error}", rule.name)))?;
    let units = rule.units.as_ref().unwrap_or(&none).iter();
    let units: Vec<UnitPrice> = units
        .map(|(unit, amount)| UnitPrice::parse_parts(unit, amount).map_err(|_| bad(unit)))
        .collect::<Result<_, _>>()?;
    let rates = rates(&rule.name, rule.rates.as_ref().unwrap_or(&none), Rates::default())?;
    let row = |id: &String| {
        let Id { model, routing, .. } = Id::parse(id)?;
        let place = match routing {
            _ if rule.regions.iter().any(|region| region == "*") => Place::Any,
            _ if !rule.regions.is_empty() => Place::Regions(rule.regions.clone()),
            Routing::Geo(geo) => Place::Geo(geo),
            _ => Place::of_region(Some("us-east-1")),
        };
        Ok(Row {
            model,
            place,
            account: None,
            routings: vec![routing],
            tier,
            latency: if rule.optimized { Latency::Optimized } else { Latency::Standard },
            context_over: rule.over,
            start: None,
            rates,
            derived: RateSet::default(),
            units: units.clone(),
            source: rule.source.name.clone(),
            as_of: rule.source.as_of.clone(),
            confidence,
            note: rule.name.clone(),
        })
    };
    rule.ids.iter().map(row).collect()
}

fn apply_change(rule: &PriceChange, rows: &mut Vec<Row>) -> Result<(), BuildError> {
    let problem = |what: &str| BuildError::one(format!("resolutions: {}: {what}", rule.name));
    let on = Start::parse(&rule.on).ok_or_else(|| problem("its day is not valid"))?;
    let tier = if rule.batch { Tier::Batch } else { Tier::Default };
    let is_known = rule.before.is_some() || rule.after.is_some();
    let is_of = |row: &Row| {
        let is_there =
            row.tier == tier && row.latency == Latency::Standard && (row.routings == [Routing::Global]) == rule.global;
        matches_pattern(&rule.model, &row.model)
            && if is_known { is_there } else { !matches!(row.tier, Tier::Provisioned | Tier::Reserved) }
            && row.start.as_ref().is_none_or(|start| *start < on)
            && !matches!(row.place, Place::Geo(outlay_price::Geo::UsGov))
            && row.region().is_none_or(outlay_price::parts::is_commercial)
    };
    let mut added = Vec::new();
    for row in rows.iter_mut().filter(|row| is_of(row)) {
        if let Some(before) = &rule.before {
            added.push(Row {
                rates: rates(&rule.name, before, row.rates)?,
                note: note::appended(&row.note, &rule.name),
                ..row.clone()
            });
            row.start = Some(on.clone());
        } else if let Some(over) = rule.unknown_before_over {
            let note = note::appended(&row.note, &rule.name);
            added.push(Row { note: note.clone(), ..row.clone() });
            let derived = if row.confidence.is_exact() { used(row.rates) } else { RateSet::default() };
            added.push(Row { note, context_over: over, derived, units: Vec::new(), ..row.clone() });
            row.start = Some(on.clone());
        } else {
            let after = rule.after.as_ref().map_or(Ok(row.rates), |after| rates(&rule.name, after, row.rates))?;
            let place = if rule.regions.is_empty() { row.place.clone() } else { Place::Regions(rule.regions.clone()) };
            added.push(Row {
                rates: after,
                place,
                start: Some(on.clone()),
                derived: RateSet::default(),
                // The list still has the earlier price, or no source has the new one.
                confidence: if rule.after.is_some() { Confidence::Resolved } else { Confidence::Derived },
                note: note::appended(&row.note, &rule.name),
                ..row.clone()
            });
        }
    }
    if added.is_empty() {
        return Err(problem(&format!("there is no price of {} that it applies to", rule.model)));
    }
    rows.extend(added);
    Ok(())
}
