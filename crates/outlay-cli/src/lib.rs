//! The parts of the program `outlay`. They are for this program only and may change in any version.

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
    /// Shows prices, and checks and updates price files.
    #[command(subcommand)]
    Prices(prices::Command),
}

/// The output of a command, and whether it succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandOutput {
    /// The text for standard output.
    pub text: String,
    /// Whether the command found no problem.
    pub is_success: bool,
}

impl CommandOutput {
    fn success(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_success: true }
    }
}

/// An error that stopped a command.
pub type Error = Box<dyn std::error::Error>;

impl Arguments {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// Returns an error with a message for the user.
    pub fn run(&self) -> Result<CommandOutput, Error> {
        match &self.command {
            Command::Prices(command) => command.run(),
        }
    }
}
