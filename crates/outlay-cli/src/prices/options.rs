use std::ffi::{OsStr, OsString};

use clap::Args;
use outlay_price::{Prices, Timestamp};

use crate::Error;

/// The option for the prices to use.
#[derive(Debug, Args)]
pub(super) struct PriceOption {
    /// A price file to layer over the bundled prices, or `bundled` for the bundled prices alone
    #[arg(long, value_name = "FILE", env = "OUTLAY_PRICES")]
    prices: Option<OsString>,
}

impl PriceOption {
    pub(super) fn prices(&self) -> Result<Prices, Error> {
        match &self.prices {
            // An empty variable counts as unset.
            Some(name) if !name.is_empty() => load_prices(name),
            _ => Ok(Prices::bundled()),
        }
    }
}

/// Loads the prices of a file, or the bundled prices for the name `bundled`.
pub(super) fn load_prices(name: &OsStr) -> Result<Prices, Error> {
    if name == "bundled" { Ok(Prices::bundled()) } else { Ok(Prices::from_path(name)?) }
}

/// The option for the time of the prices.
#[derive(Debug, Args)]
pub(super) struct DateOption {
    /// The day (UTC) or time of the prices, such as 2026-10-07; defaults to now
    #[arg(long, value_name = "DATE", value_parser = instant)]
    at: Option<Timestamp>,
}

impl DateOption {
    pub(super) fn instant(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "not a date: use a form such as 2026-10-07".to_owned())
}
