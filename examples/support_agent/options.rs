//! The command line.

use std::path::PathBuf;

use outlay::{LoadPricesError, Prices};

use crate::agent::Models;

pub(crate) const HELP: &str = "\
A support agent on Amazon Bedrock, and what each of its steps costs.

Usage: cargo run --example support_agent -- [OPTIONS]

Options:
  --aws              Calls Amazon Bedrock, with the credentials and the region of the environment: this costs money.
                     Without it, the models are simulated on this machine
  --model ID         The model that plans and answers
  --small-model ID   The model that searches and researches
  --prices FILE      Lays your own prices over the bundled ones, such as examples/support_agent/prices.toml
  --help             Prints this

Environment:
  OTEL_EXPORTER_OTLP_ENDPOINT   Sends traces and metrics there, such as http://localhost:4317
  RUST_LOG                      What is logged, such as outlay=debug
  NO_COLOR                      No colour";

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) aws: bool,
    pub(crate) models: Models,
    prices: Option<PathBuf>,
    pub(crate) help: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BadOption {
    #[error("there is no option `{0}`; --help lists them")]
    Unknown(String),
    #[error("{0} needs a value after it")]
    NoValue(&'static str),
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, BadOption> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = |of| arguments.next().ok_or(BadOption::NoValue(of));
            match argument.as_str() {
                "--aws" => options.aws = true,
                "--model" => options.models.large = value("--model")?,
                "--small-model" => options.models.small = value("--small-model")?,
                "--prices" => options.prices = Some(value("--prices")?.into()),
                "--help" | "-h" => options.help = true,
                _ => return Err(BadOption::Unknown(argument)),
            }
        }
        Ok(options)
    }

    /// The bundled prices, with the user's own laid over them.
    pub(crate) fn prices(&self) -> Result<Prices, LoadPricesError> {
        match &self.prices {
            Some(path) => Prices::from_path(path),
            None => Ok(Prices::bundled()),
        }
    }
}
