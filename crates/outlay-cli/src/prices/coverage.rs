use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Args;
use outlay_price::{CostStatus, Latency, Price, Routing, Tier, Usage};

use super::lookup::{CallSite, call_modes, find_price, is_callable, model_id, regions, select_regions};
use super::options::{DateOption, PriceOption};
use crate::columns::Columns;
use crate::{CommandOutput, Error};

#[derive(Debug, Args)]
pub struct Coverage {
    /// Only this region; defaults to all
    #[arg(long)]
    region: Option<String>,
    /// Prints one tab-separated line for each model, region and tier, for other programs
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    date_option: DateOption,
    #[command(flatten)]
    price_option: PriceOption,
}

/// The tiers, in the order of their columns.
const TIERS: [Tier; 4] = [Tier::Default, Tier::Batch, Tier::Flex, Tier::Priority];

impl Coverage {
    pub(super) fn run(&self) -> Result<CommandOutput, Error> {
        let prices = self.price_option.prices()?;
        let at = self.date_option.instant();
        let all = regions(&prices);
        let regions = select_regions(&all, self.region.as_deref())?;
        let models: BTreeSet<&str> = prices.rows().map(Price::model).collect();
        let mut full = "model\tregion\ttier\tcost\n".to_owned();
        let mut columns = Columns::new(vec!["model", "default", "batch", "flex", "priority"], 1..5);
        let mut sums: BTreeMap<(Tier, Option<CostStatus>), usize> = BTreeMap::new();
        for model in models {
            let of_model = call_modes(&prices, model);
            let routings: BTreeSet<Routing> = of_model.iter().map(|mode| mode.0).collect();
            let mut counts: BTreeMap<(Tier, Option<CostStatus>), usize> = BTreeMap::new();
            for &routing in &routings {
                let id = model_id(model, routing);
                for region in regions.iter().filter(|region| is_callable(routing, region)) {
                    for tier in TIERS {
                        let has_tier = of_model.iter().any(|mode| mode.1 == tier);
                        let mode = (routing, tier, Latency::Standard);
                        let found = find_price(&prices, model, mode, CallSite { region, account: None, at });
                        let cost = found.map(|price| cost(&price));
                        if cost.is_some() || has_tier {
                            *counts.entry((tier, cost)).or_default() += 1;
                            let _ = writeln!(
                                full,
                                "{id}\t{region}\t{tier}\t{}",
                                cost.map_or("unpriced", CostStatus::as_str)
                            );
                        }
                    }
                }
            }
            let cell = |tier: Tier| {
                let of = |cost| counts.get(&(tier, cost)).copied().unwrap_or(0);
                let parts = [
                    (of(Some(CostStatus::Exact)), "exact"),
                    (of(Some(CostStatus::Estimated)), "est."),
                    (of(None), "none"),
                ];
                let parts = parts.into_iter().filter(|(count, _)| *count > 0);
                parts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
            };
            columns.push([model.to_owned()].into_iter().chain(TIERS.map(cell)).collect());
            for (key, count) in counts {
                *sums.entry(key).or_default() += count;
            }
        }
        if self.full {
            return Ok(CommandOutput::success(full));
        }
        let mut text = format!(
            "Places (a model id in a region that offers it) where the cost of a call is exact, an estimate or unknown,\n\
             by the prices {}\n\n{}\n",
            prices.version(),
            columns.text()
        );
        for tier in TIERS {
            let of = |cost| sums.get(&(tier, cost)).copied().unwrap_or(0);
            let (exact, estimated, none) = (of(Some(CostStatus::Exact)), of(Some(CostStatus::Estimated)), of(None));
            let priced = exact + estimated;
            let share = (exact * 100).checked_div(priced).unwrap_or(0);
            let _ =
                writeln!(text, "{tier}: {exact} of {priced} priced places are exact ({share} %), {none} have no price");
        }
        Ok(CommandOutput::success(text))
    }
}

/// Returns the status of a plain call: with input and output tokens, or with one of the first unit.
fn cost(price: &Price) -> CostStatus {
    let step = &price.steps()[0];
    let usage = Usage::new()
        .with_uncached_input(u64::from(step.rates.input.is_some()))
        .with_output(u64::from(step.rates.output.is_some()));
    match price.units().iter().find(|unit| !unit.unit().is_capacity()) {
        Some(_) if !price.confidence().is_exact() => CostStatus::Estimated,
        Some(_) => CostStatus::Exact,
        None => price.charge(&usage).status(),
    }
}
