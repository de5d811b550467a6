//! The parts of the program `outlay`. They are for the program alone, and any version may change them.

#![deny(clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use clap::{Parser, Subcommand};

pub mod import;
pub mod prices;

mod columns;

/// What agents cost on Amazon Bedrock.
#[derive(Debug, Parser)]
#[command(name = "outlay", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows prices, checks price files, and brings them up to date.
    #[command(subcommand)]
    Prices(prices::Command),
}

/// What a command tells, and whether all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// For standard output.
    pub text: String,
    /// Whether nothing was found to be wrong.
    pub is_well: bool,
}

impl Told {
    fn well(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_well: true }
    }
}

/// Why a command could not do its work.
pub type Error = Box<dyn std::error::Error>;

impl Arguments {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// Returns what went wrong, for people.
    pub fn run(&self) -> Result<Told, Error> {
        match &self.command {
            Command::Prices(command) => command.run(),
        }
    }
}
