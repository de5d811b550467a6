use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use outlay_price::{ModelRef, Price, PriceQuery, Prices, Usd};

use super::figures::rates;
use super::places::{geo, price, regions};
use crate::{Error, Told};

#[derive(Debug, Args)]
pub struct Check {
    /// The price file
    file: PathBuf,
}

/// How many times a figure may be the bundled one, or be contained in it, without a word.
const FACTOR: i128 = 10;

impl Check {
    pub(super) fn run(&self) -> Result<Told, Error> {
        let prices = Prices::from_path(&self.file)?;
        let own = prices.without_bundled();
        let bundled = Prices::bundled();
        let idle = prices.idle_discounts();
        let mut problems: Vec<String> =
            idle.iter().map(|discount| format!("{discount}: there is no price that it is taken off")).collect();
        for (from, to) in own.aliases() {
            let query = ModelRef::parse(to).map(|model| PriceQuery::new(model, Timestamp::now()));
            if !query.is_ok_and(|query| prices.lookup(&query).is_some()) {
                problems.push(format!("alias {from}: no price of `{to}` is known"));
            }
        }
        let regions = regions(&bundled);
        let ranges = Ranges::of(&bundled);
        let mut count = 0;
        for price in own.rows() {
            count += 1;
            let name = name(price);
            let region = price.region().filter(|_| geo(price).is_none());
            if let Some(region) = region.filter(|region| !regions.contains(*region)) {
                problems.push(format!("{name}: the bundled table has no region `{region}`"));
            }
            if price.note().is_empty() {
                problems.extend(odd(price, &bundled, &ranges).into_iter().map(|problem| format!("{name}: {problem}")));
            }
        }
        let file = self.file.display();
        let text = match problems.len() {
            0 => format!("{file}: {count} prices, all plausible"),
            found => {
                let word = if found == 1 { "problem" } else { "problems" };
                format!(
                    "{}\n{file}: {count} prices, {found} {word}. A row with a `note` may have any figure.",
                    problems.join("\n")
                )
            }
        };
        Ok(Told { text, is_well: problems.is_empty() })
    }
}

/// The figures of a price that are far from the bundled ones: of the same model and place, or else of any model.
fn odd(own: &Price, bundled: &Prices, ranges: &Ranges) -> Vec<String> {
    let same = counterpart(own, bundled);
    let mut odd = Vec::new();
    for (name, figure) in figures(own) {
        let theirs = same.as_ref().and_then(|same| figures(same).into_iter().find(|(own, _)| *own == name));
        let (what, low, high) = match theirs {
            Some((_, theirs)) => (format!("the bundled price is {}", theirs.to_decimal()), theirs, theirs),
            None => match ranges.0.get(kind(&name)) {
                Some(&(low, high)) => {
                    (format!("bundled prices are from {} to {}", low.to_decimal(), high.to_decimal()), low, high)
                }
                None => continue,
            },
        };
        let is_low = figure.picos() * FACTOR <= low.picos() && !low.is_zero();
        let is_high = figure.picos() >= high.picos() * FACTOR && !figure.is_zero();
        if is_low || is_high {
            odd.push(format!("{name} is {}: {what}", figure.to_decimal()));
        }
    }
    odd
}

/// The bundled price of the same model, road and place, when the price begins.
fn counterpart(own: &Price, bundled: &Prices) -> Option<Price> {
    let at = own.effective_at().unwrap_or_else(Timestamp::now);
    let road = (own.routing(), own.tier(), own.latency());
    let of_geo = geo(own).and_then(|geo| {
        let all = regions(bundled);
        all.into_iter().find(|region| outlay_price::parts::geos(region).contains(&geo))
    });
    let region = own.region().filter(|_| geo(own).is_none()).map(str::to_owned).or(of_geo);
    price(bundled, own.model(), road, region.as_deref().unwrap_or("us-east-1"), at)
}

/// All figures of a price, by their names in price files; those of a context tier by its size too.
fn figures(price: &Price) -> Vec<(String, Usd)> {
    let of_step = price.steps().iter().flat_map(|step| {
        let over = if step.over == 0 { String::new() } else { format!(" over {}", step.over) };
        rates(step).map(move |(name, rate)| (format!("{name}{over}"), rate))
    });
    let units = price.units().iter().filter_map(|unit| {
        let text = unit.to_string();
        Some((text.rsplit_once('=')?.0.to_owned(), unit.price()))
    });
    of_step.chain(units).collect()
}

/// A figure's name without its conditions.
fn kind(name: &str) -> &str {
    name.split([' ', '[']).next().unwrap_or_default()
}

/// The least and the most that the bundled table has of each kind of figure; what is free does not count.
struct Ranges(BTreeMap<String, (Usd, Usd)>);

impl Ranges {
    fn of(prices: &Prices) -> Self {
        let mut ranges: BTreeMap<String, (Usd, Usd)> = BTreeMap::new();
        for (name, figure) in prices.rows().flat_map(figures).filter(|(_, figure)| !figure.is_zero()) {
            let range = ranges.entry(kind(&name).to_owned()).or_insert((figure, figure));
            *range = (range.0.min(figure), range.1.max(figure));
        }
        Self(ranges)
    }
}

fn name(price: &Price) -> String {
    let words = [
        price.region().map(|region| format!("in {region}")),
        price.account().map(|account| format!("of account {account}")),
        price.effective_from().map(|day| format!("from {day}")),
    ]
    .into_iter()
    .flatten();
    let known = [price.model().to_owned(), price.routing().to_string(), price.tier().to_string()];
    known.into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
