use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use outlay_price::{Latency, ModelRef, Price, Prices, Routing, Tier};

use super::figures::{cells, sureness};
use super::places::{Call, chosen, is_callable, named, price, regions, roads};
use super::{By, When};
use crate::columns::Columns;
use crate::{Error, Told};

#[derive(Debug, Args)]
pub struct Show {
    /// The id of a model or of an inference profile, such as eu.amazon.nova-pro-v1:0
    model: String,
    /// The region that is called; all where it is not given
    #[arg(long)]
    region: Option<String>,
    /// Also use the prices that the price file has for this AWS account
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    by: By,
}

/// One line of the answer, without the regions in which it is the same.
type Line = (Routing, Tier, Latency, Vec<String>);

impl Show {
    pub(super) fn run(&self) -> Result<Told, Error> {
        let prices = self.by.prices()?;
        let asked = ModelRef::parse(&self.model)?;
        let model = prices.resolve(asked);
        let base = model.base_id().unwrap_or(model.as_str());
        if model.base_id().is_some() && model.routing().is_none() {
            return Err(format!("`{model}`: its prefix is not known, and a call of it has no price").into());
        }
        // A plain id shows its profiles too.
        let is_plain = asked.region().is_none() && model.routing() == Some(Routing::InRegion);
        let only = model.routing().filter(|_| !is_plain);
        let roads: Vec<_> =
            roads(&prices, base).into_iter().filter(|road| only.is_none_or(|only| only == road.0)).collect();
        if roads.is_empty() {
            return Err(unknown(&prices, base).into());
        }
        let all = regions(&prices);
        let region = self.region.as_deref().or(asked.region());
        let account = self.account.as_deref().or(asked.account());
        let regions = chosen(&all, region)?;
        let at = self.when.instant();
        let mut lines: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
        let mut units: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
        for &road in &roads {
            for region in regions.iter().filter(|region| is_callable(road.0, region)) {
                let Some(price) = price(&prices, base, road, Call { region, account, at }) else { continue };
                for cells in token_lines(&price) {
                    lines.entry((road.0, road.1, road.2, cells)).or_default().insert(region);
                }
                for cells in unit_lines(&price) {
                    units.entry((road.0, road.1, road.2, cells)).or_default().insert(region);
                }
            }
        }
        let place = |regions: &BTreeSet<&str>| match region {
            Some(_) => String::new(),
            None => named(regions, &all),
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
                if accounts.is_empty() { accounts } else { format!(": one of an account has, --account {accounts}") };
            return Err(format!("{base} has no price there at that time{hint}").into());
        }
        if !tokens.is_empty() {
            text = format!("{text}\nUS dollars per million tokens\n{}", tokens.text());
        }
        if !by_unit.is_empty() {
            text = format!("{text}\nUS dollars per unit\n{}", by_unit.text());
        }
        if text.contains("* ") {
            text.push_str("\n* No source states it there: a call that uses it costs an estimate.\n");
        }
        if account.is_none() && !accounts(&prices, base).is_empty() {
            let accounts = accounts(&prices, base).join(", ");
            text.push_str(&format!("\nOf accounts with prices of their own: --account {accounts}\n"));
        }
        Ok(Told::well(text))
    }
}

/// The kinds of token, as people call them, in the order of the rates.
const KINDS: [&str; 8] =
    ["input", "output", "cache read", "write 5m", "write 30m", "write 1h", "audio in", "audio out"];

fn token_lines(price: &Price) -> impl Iterator<Item = Vec<String>> {
    let since = price.effective_from().map_or_else(String::new, ToString::to_string);
    price.steps().iter().filter(|step| !step.rates.is_empty()).map(move |step| {
        let over = if step.over == 0 { String::new() } else { step.over.to_string() };
        let end = [sureness(price), since.clone(), source(price)];
        [over].into_iter().chain(cells(step)).chain(end).collect()
    })
}

fn unit_lines(price: &Price) -> impl Iterator<Item = Vec<String>> {
    price.units().iter().filter_map(move |unit| {
        let (name, amount) =
            unit.to_string().rsplit_once('=').map(|(name, amount)| (name.to_owned(), amount.to_owned()))?;
        Some(vec![name, amount, sureness(price), source(price)])
    })
}

/// Whose price it is: for one that stands in for a region without its own, also where it is from.
fn source(price: &Price) -> String {
    match (price.confidence(), price.region()) {
        (outlay_price::Confidence::Elsewhere, Some(region)) => format!("{}, of {region}", price.source()),
        _ => price.source().to_string(),
    }
}

/// The accounts that have prices of a model.
fn accounts<'a>(prices: &'a Prices, model: &str) -> Vec<&'a str> {
    let own = prices.rows().filter(|price| price.model() == model);
    own.filter_map(Price::account).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What to say of a model without a price: the ids that are like it.
fn unknown(prices: &Prices, model: &str) -> String {
    let words: Vec<String> = model.to_lowercase().split(['.', '-', ':', ' ']).map(str::to_owned).collect();
    let alike = |id: &&str| words.iter().filter(|word| word.len() > 2 && id.to_lowercase().contains(*word)).count();
    let ids: BTreeSet<&str> = prices.rows().map(Price::model).collect();
    let most = ids.iter().map(&alike).max().unwrap_or(0);
    let near: Vec<&str> = ids.into_iter().filter(|id| most > 0 && alike(id) == most).take(8).collect();
    let near = if near.is_empty() { String::new() } else { format!(": do you mean {}?", near.join(", ")) };
    format!("no price of `{model}` is known{near}")
}
