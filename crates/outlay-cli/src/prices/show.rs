use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use outlay_price::{Latency, ModelRef, Price, Prices, Routing, Tier};

use super::lookup::{CallSite, call_modes, describe_regions, find_price, is_callable, regions, select_regions};
use super::options::{DateOption, PriceOption};
use super::price_figures::{cells, confidence_text};
use crate::columns::Columns;
use crate::{CommandOutput, Error};

#[derive(Debug, Args)]
pub struct Show {
    /// The id of a model or of an inference profile, such as eu.amazon.nova-pro-v1:0
    model: String,
    /// The region of the call; defaults to all
    #[arg(long)]
    region: Option<String>,
    /// Includes the prices of the price file for this AWS account
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    date_option: DateOption,
    #[command(flatten)]
    price_option: PriceOption,
}

/// A line of the output, without its regions.
type Line = (Routing, Tier, Latency, Vec<String>);

impl Show {
    pub(super) fn run(&self) -> Result<CommandOutput, Error> {
        let prices = self.price_option.prices()?;
        let requested = ModelRef::parse(&self.model)?;
        let model = prices.resolve(requested);
        let base = model.base_id().unwrap_or(model.as_str());
        if model.base_id().is_some() && model.routing().is_none() {
            return Err(format!("`{model}`: the prefix is unknown, so that a call has no price").into());
        }
        // A plain id also shows its profiles.
        let is_plain = requested.region().is_none() && model.routing() == Some(Routing::InRegion);
        let only = model.routing().filter(|_| !is_plain);
        let call_modes: Vec<_> =
            call_modes(&prices, base).into_iter().filter(|mode| only.is_none_or(|only| only == mode.0)).collect();
        if call_modes.is_empty() {
            return Err(unknown_model_message(&prices, base).into());
        }
        let all = regions(&prices);
        let region = self.region.as_deref().or(requested.region());
        let account = self.account.as_deref().or(requested.account());
        let regions = select_regions(&all, region)?;
        let at = self.date_option.instant();
        let mut lines: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
        let mut units: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
        for &mode in &call_modes {
            for region in regions.iter().filter(|region| is_callable(mode.0, region)) {
                let Some(price) = find_price(&prices, base, mode, CallSite { region, account, at }) else { continue };
                for cells in token_lines(&price) {
                    lines.entry((mode.0, mode.1, mode.2, cells)).or_default().insert(region);
                }
                for cells in unit_lines(&price) {
                    units.entry((mode.0, mode.1, mode.2, cells)).or_default().insert(region);
                }
            }
        }
        let place = |regions: &BTreeSet<&str>| match region {
            Some(_) => String::new(),
            None => describe_regions(regions, &all),
        };
        let of_road = |(routing, tier, latency, _): &Line| {
            let latency = if *latency == Latency::Standard { String::new() } else { latency.to_string() };
            [routing.to_string(), tier.to_string(), latency]
        };
        let mut text = format!("{base}, by the prices {}\n", prices.version());
        let mut tokens = Columns::new(
            [&["routing", "tier", "latency", "over"][..], &KINDS, &["cost is", "since", "source", "regions"]].concat(),
            3..4 + KINDS.len(),
        );
        for (line, regions) in &lines {
            tokens.push(of_road(line).into_iter().chain(line.3.iter().cloned()).chain([place(regions)]).collect());
        }
        let mut by_unit =
            Columns::new(vec!["routing", "tier", "latency", "unit", "price", "cost is", "source", "regions"], 4..5);
        for (line, regions) in &units {
            by_unit.push(of_road(line).into_iter().chain(line.3.iter().cloned()).chain([place(regions)]).collect());
        }
        if tokens.is_empty() && by_unit.is_empty() {
            let accounts = accounts(&prices, base).join(", ");
            let hint =
                if accounts.is_empty() { accounts } else { format!(": an account has one, use --account {accounts}") };
            return Err(format!("{base} has no price there at that time{hint}").into());
        }
        if !tokens.is_empty() {
            text = format!("{text}\nUS dollars per million tokens\n{}", tokens.text());
        }
        if !by_unit.is_empty() {
            text = format!("{text}\nUS dollars per unit\n{}", by_unit.text());
        }
        if text.contains("* ") {
            text.push_str("\n* Derived, not stated by a source: the cost of a call that uses it is an estimate.\n");
        }
        if account.is_none() && !accounts(&prices, base).is_empty() {
            let accounts = accounts(&prices, base).join(", ");
            text.push_str(&format!("\nAccounts with their own prices: --account {accounts}\n"));
        }
        Ok(CommandOutput::success(text))
    }
}

/// The names of the kinds of token, in the order of the rates.
const KINDS: [&str; 8] =
    ["input", "output", "cache read", "write 5m", "write 30m", "write 1h", "audio in", "audio out"];

fn token_lines(price: &Price) -> impl Iterator<Item = Vec<String>> {
    let since = price.effective_from().map_or_else(String::new, ToString::to_string);
    price.steps().iter().filter(|step| !step.rates.is_empty()).map(move |step| {
        let over = if step.over == 0 { String::new() } else { step.over.to_string() };
        let end = [confidence_text(price), since.clone(), source(price)];
        [over].into_iter().chain(cells(step)).chain(end).collect()
    })
}

fn unit_lines(price: &Price) -> impl Iterator<Item = Vec<String>> {
    price.units().iter().filter_map(move |unit| {
        let (name, amount) =
            unit.to_string().rsplit_once('=').map(|(name, amount)| (name.to_owned(), amount.to_owned()))?;
        Some(vec![name, amount, confidence_text(price), source(price)])
    })
}

/// Returns the source of a price. For a price that stands in for a region, this includes the region that it is from.
fn source(price: &Price) -> String {
    match (price.confidence(), price.region()) {
        (outlay_price::Confidence::Elsewhere, Some(region)) => format!("{}, of {region}", price.source()),
        _ => price.source().to_string(),
    }
}

/// Returns the accounts that have prices of a model.
fn accounts<'a>(prices: &'a Prices, model: &str) -> Vec<&'a str> {
    let own = prices.rows().filter(|price| price.model() == model);
    own.filter_map(Price::account).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the message for a model without a price, with similar ids.
fn unknown_model_message(prices: &Prices, model: &str) -> String {
    let words: Vec<String> = model.to_lowercase().split(['.', '-', ':', ' ']).map(str::to_owned).collect();
    let similarity =
        |id: &&str| words.iter().filter(|word| word.len() > 2 && id.to_lowercase().contains(*word)).count();
    let ids: BTreeSet<&str> = prices.rows().map(Price::model).collect();
    let best = ids.iter().map(&similarity).max().unwrap_or(0);
    let similar: Vec<&str> = ids.into_iter().filter(|id| best > 0 && similarity(id) == best).take(8).collect();
    let similar = if similar.is_empty() { String::new() } else { format!(": did you mean {}?", similar.join(", ")) };
    format!("no price of `{model}` is known{similar}")
}
