//! `outlay prices`.

use std::ffi::{OsStr, OsString};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use outlay_price::Prices;

use crate::{Error, Told};

mod changed_charges;
mod check;
mod coverage;
mod diff;
mod figures;
mod places;
mod plausible;
mod show;
mod update;

/// The commands of `outlay prices`.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Shows the prices of a model, in US dollars per million tokens or per unit
    Show(show::Show),
    /// Shows what is different between two price files, each over the bundled prices
    Diff(diff::Diff),
    /// Shows which models have a price, in how many regions, and how sure it is
    Coverage(coverage::Coverage),
    /// Brings a price file up to date with a price table of AWS, LiteLLM or genai-prices, and shows what that changes
    Update(update::Update),
    /// Checks a price file: whether it loads, and whether its figures are plausible
    Check(check::Check),
}

impl Command {
    pub(crate) fn run(&self) -> Result<Told, Error> {
        match self {
            Self::Show(show) => show.run(),
            Self::Diff(diff) => diff.run(),
            Self::Coverage(coverage) => coverage.run(),
            Self::Update(update) => update.run(),
            Self::Check(check) => check.run(),
        }
    }
}

/// By which prices.
#[derive(Debug, Args)]
struct By {
    /// A price file to lay over the bundled prices, or `bundled` for these alone
    #[arg(long, value_name = "FILE", env = "OUTLAY_PRICES")]
    prices: Option<OsString>,
}

impl By {
    fn prices(&self) -> Result<Prices, Error> {
        match &self.prices {
            // An empty variable is none.
            Some(name) if !name.is_empty() => load(name),
            _ => Ok(Prices::bundled()),
        }
    }
}

/// The prices of a file, or the bundled ones by their name.
fn load(name: &OsStr) -> Result<Prices, Error> {
    if name == "bundled" { Ok(Prices::bundled()) } else { Ok(Prices::from_path(name)?) }
}

/// When.
#[derive(Debug, Args)]
struct When {
    /// The day (UTC) or instant whose prices are meant, such as 2026-10-07; now where it is not given
    #[arg(long, value_name = "DATE", value_parser = instant)]
    at: Option<Timestamp>,
}

impl When {
    fn instant(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let of_day = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let instant = text.parse().ok().or_else(|| text.parse().ok().and_then(of_day));
    instant.ok_or_else(|| "not a date: write a day, such as 2026-10-07".to_owned())
}
