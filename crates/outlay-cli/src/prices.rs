//! The commands of `outlay prices`.

use clap::Subcommand;

use crate::{CommandOutput, Error};

mod changed_charges;
mod check;
mod coverage;
mod diff;
mod export;
mod lookup;
mod options;
mod plausible;
mod price_figures;
mod show;
mod update;

/// The commands of `outlay prices`.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Shows the prices of a model, in US dollars per million tokens or per unit
    Show(show::Show),
    /// Shows the differences between two price files, each layered over the bundled prices
    Diff(diff::Diff),
    /// Shows which models have a price, in how many regions, and how certain it is
    Coverage(coverage::Coverage),
    /// Writes the prices of all models in a region as JSON Lines, one model per line, for other programs
    Export(export::Export),
    /// Updates a price file from a price table of AWS, LiteLLM or genai-prices, and shows the changes
    Update(update::Update),
    /// Checks whether a price file loads and its figures are plausible
    Check(check::Check),
}

impl Command {
    pub(crate) fn run(&self) -> Result<CommandOutput, Error> {
        match self {
            Self::Show(show) => show.run(),
            Self::Diff(diff) => diff.run(),
            Self::Coverage(coverage) => coverage.run(),
            Self::Export(export) => export.run(),
            Self::Update(update) => update.run(),
            Self::Check(check) => check.run(),
        }
    }
}
