use std::collections::BTreeSet;

use clap::Args;
use outlay_price::{Latency, Price, Tier};
use serde_json::{Map, Value, json};

use super::lookup::{CallSite, call_modes, find_price, is_callable, model_id, regions, select_regions};
use super::options::{DateOption, PriceOption};
use super::price_figures::rates;
use crate::{CommandOutput, Error};

#[derive(Debug, Args)]
pub struct Export {
    /// The region of the calls
    #[arg(long)]
    region: String,
    /// Uses the prices of the price file for this AWS account
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    date_option: DateOption,
    #[command(flatten)]
    price_option: PriceOption,
}

impl Export {
    pub(super) fn run(&self) -> Result<CommandOutput, Error> {
        let prices = self.price_option.prices()?;
        let all = regions(&prices);
        select_regions(&all, Some(&self.region))?;
        let site = CallSite { region: &self.region, account: self.account.as_deref(), at: self.date_option.instant() };
        let models: BTreeSet<&str> = prices.rows().map(Price::model).collect();
        let mut text = String::new();
        for model in models {
            let modes = call_modes(&prices, model).into_iter();
            let plain = modes.filter(|mode| (mode.1, mode.2) == (Tier::Default, Latency::Standard));
            for mode in plain.filter(|mode| is_callable(mode.0, &self.region)) {
                let Some(price) = find_price(&prices, model, mode, site) else { continue };
                let Some(line) = line(&model_id(model, mode.0), &price) else { continue };
                text.push_str(&format!("{line}\n"));
            }
        }
        Ok(CommandOutput::success(text))
    }
}

/// Returns the prices of a model's tokens. Prices above a context size, and of units, are left out.
fn line(id: &str, price: &Price) -> Option<Value> {
    let step = price.steps().iter().find(|step| step.over == 0 && !step.rates.is_empty())?;
    let rates: Map<_, _> = rates(step).map(|(name, rate)| (name.to_owned(), json!(rate.to_decimal()))).collect();
    Some(json!({"model": id, "usd_per_million_tokens": rates, "is_exact": price.confidence().is_exact()}))
}
