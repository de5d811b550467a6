//! The figures that differ between two catalogues for the same call.

use std::collections::{BTreeMap, BTreeSet};

use outlay_price::parts::Rates;
use outlay_price::{Latency, Price, Prices, Timestamp};

use super::lookup::{CallMode, CallSite, call_modes, describe_regions, find_price, is_callable, regions};
use super::price_figures::{confidence_text, figures};
use crate::columns::Columns;

/// The order and the name of a figure.
type Figure = (usize, String);

/// A changed figure: the model, call mode, account and figure, with its old and new text.
type Line = (String, CallMode, Option<String>, Figure, String, String);

/// Returns a line for each figure that differs, with the regions where it differs. An account has its own lines if it
/// has its own prices.
pub(super) fn table(old: &Prices, new: &Prices, at: Timestamp) -> Columns {
    let both = [old, new];
    let all: BTreeSet<String> = both.into_iter().flat_map(regions).collect();
    let models: BTreeSet<&str> = both.into_iter().flat_map(Prices::rows).map(Price::model).collect();
    let mut lines: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
    for model in models {
        let of_model = both.into_iter().flat_map(Prices::rows).filter(|price| price.model() == model);
        let accounts: BTreeSet<&str> = of_model.filter_map(Price::account).collect();
        let call_modes: BTreeSet<CallMode> = both.into_iter().flat_map(|prices| call_modes(prices, model)).collect();
        let lookup = call_modes.iter().flat_map(|mode| all.iter().map(move |region| (*mode, region)));
        for (mode, region) in lookup.filter(|(mode, region)| is_callable(mode.0, region)) {
            let figures_by_order = |account| {
                both.map(|prices| figures_by_order(find_price(prices, model, mode, CallSite { region, account, at })))
            };
            let of_all = figures_by_order(None);
            let of_accounts = accounts.iter().map(|account| (Some(*account), figures_by_order(Some(account))));
            let of_accounts = of_accounts.filter(|(_, figures_by_order)| *figures_by_order != of_all);
            for (account, [before, after]) in of_accounts.chain([(None, of_all.clone())]) {
                for (figure, before, after) in changes(&before, &after) {
                    let line = (model.to_owned(), mode, account.map(str::to_owned), figure, before, after);
                    lines.entry(line).or_default().insert(region);
                }
            }
        }
    }
    let mut columns =
        Columns::new(vec!["model", "routing", "tier", "latency", "account", "figure", "old", "new", "regions"], 6..8);
    for ((model, (routing, tier, latency), account, (_, figure), before, after), regions) in lines {
        let latency = if latency == Latency::Standard { String::new() } else { latency.to_string() };
        let mode = [model, routing.to_string(), tier.to_string(), latency];
        let end = [account.unwrap_or_default(), figure, before, after, describe_regions(&regions, &all)];
        columns.push(mode.into_iter().chain(end).collect());
    }
    columns
}

/// Returns the figures that differ, with the old and the new text of each.
fn changes<'a>(
    before: &'a BTreeMap<Figure, String>,
    after: &'a BTreeMap<Figure, String>,
) -> impl Iterator<Item = (Figure, String, String)> + 'a {
    let figures: BTreeSet<&Figure> = before.keys().chain(after.keys()).collect();
    let text = |of: &BTreeMap<Figure, String>, figure: &Figure| of.get(figure).cloned().unwrap_or_default();
    let both = figures.into_iter().map(move |figure| (figure.clone(), text(before, figure), text(after, figure)));
    both.filter(|(_, before, after)| before != after)
}

/// Returns the figures of a price, and its confidence.
fn figures_by_order(price: Option<Price>) -> BTreeMap<Figure, String> {
    let Some(price) = price else { return BTreeMap::new() };
    let order = |name: &str| {
        let kind = name.split(' ').next();
        Rates::NAMES.iter().position(|known| Some(*known) == kind).unwrap_or(Rates::NAMES.len())
    };
    let figures = figures(&price).into_iter().map(|(name, amount)| ((order(&name), name), amount.to_decimal()));
    figures.chain([((usize::MAX, "cost is".to_owned()), confidence_text(&price))]).collect()
}
