//! The figures that calls are charged by in one catalogue and not in another.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use outlay_price::parts::Rates;
use outlay_price::{Latency, Price, Prices};

use super::figures::{figures, sureness};
use super::places::{Call, Road, is_callable, named, price, regions, roads};
use crate::columns::Columns;

/// A figure by its order and name.
type Figure = (usize, String);

/// A change: the model, the road, the account, the figure, and its old and new text.
type Line = (String, Road, Option<String>, Figure, String, String);

/// Returns a line for each figure that differs, with the regions where it differs. An account has lines of its own where it
/// has prices of its own.
pub(super) fn table(old: &Prices, new: &Prices, at: Timestamp) -> Columns {
    let both = [old, new];
    let all: BTreeSet<String> = both.into_iter().flat_map(regions).collect();
    let models: BTreeSet<&str> = both.into_iter().flat_map(Prices::rows).map(Price::model).collect();
    let mut lines: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
    for model in models {
        let of_model = both.into_iter().flat_map(Prices::rows).filter(|price| price.model() == model);
        let accounts: BTreeSet<&str> = of_model.filter_map(Price::account).collect();
        let roads: BTreeSet<Road> = both.into_iter().flat_map(|prices| roads(prices, model)).collect();
        let places = roads.iter().flat_map(|road| all.iter().map(move |region| (*road, region)));
        for (road, region) in places.filter(|(road, region)| is_callable(road.0, region)) {
            let told = |account| both.map(|prices| told(price(prices, model, road, Call { region, account, at })));
            let of_all = told(None);
            let of_accounts = accounts.iter().map(|account| (Some(*account), told(Some(account))));
            let of_accounts = of_accounts.filter(|(_, told)| *told != of_all);
            for (account, [was, is]) in of_accounts.chain([(None, of_all.clone())]) {
                for (figure, was, is) in changes(&was, &is) {
                    let line = (model.to_owned(), road, account.map(str::to_owned), figure, was, is);
                    lines.entry(line).or_default().insert(region);
                }
            }
        }
    }
    let mut columns =
        Columns::new(vec!["model", "routing", "tier", "latency", "account", "figure", "old", "new", "regions"], 6..8);
    for ((model, (routing, tier, latency), account, (_, figure), was, is), regions) in lines {
        let latency = if latency == Latency::Standard { String::new() } else { latency.to_string() };
        let road = [model, routing.to_string(), tier.to_string(), latency];
        let end = [account.unwrap_or_default(), figure, was, is, named(&regions, &all)];
        columns.push(road.into_iter().chain(end).collect());
    }
    columns
}

/// Returns the figures that differ, with the old and the new text of each.
fn changes<'a>(
    was: &'a BTreeMap<Figure, String>,
    is: &'a BTreeMap<Figure, String>,
) -> impl Iterator<Item = (Figure, String, String)> + 'a {
    let figures: BTreeSet<&Figure> = was.keys().chain(is.keys()).collect();
    let text = |of: &BTreeMap<Figure, String>, figure: &Figure| of.get(figure).cloned().unwrap_or_default();
    let both = figures.into_iter().map(move |figure| (figure.clone(), text(was, figure), text(is, figure)));
    both.filter(|(_, was, is)| was != is)
}

/// The figures of a price, and how sure the price is.
fn told(price: Option<Price>) -> BTreeMap<Figure, String> {
    let Some(price) = price else { return BTreeMap::new() };
    let order = |name: &str| {
        let kind = name.split(' ').next();
        Rates::NAMES.iter().position(|known| Some(*known) == kind).unwrap_or(Rates::NAMES.len())
    };
    let figures = figures(&price).into_iter().map(|(name, amount)| ((order(&name), name), amount.to_decimal()));
    figures.chain([((usize::MAX, "cost is".to_owned()), sureness(&price))]).collect()
}
