//! The command line.

use std::path::PathBuf;

use outlay::Prices;
use outlay::otel::Viewer;
use outlay::prices::LoadPricesError;

use crate::agent::Models;

pub(crate) const HELP: &str = "\
A support agent on Amazon Bedrock, and the cost of each of its steps.

Usage: cargo run --example support_agent -- [OPTIONS]

Options:
  --aws              Call Amazon Bedrock, with the credentials and the region of the environment. This costs money.
                     Without it, the models are simulated on this machine
  --model ID         The model that plans and answers
  --small-model ID   The model that searches and researches
  --viewer NAME      Add the attributes of a viewer: langfuse, logfire, mlflow or openinference
  --prices FILE      Override bundled prices, for example with examples/support_agent/prices.toml
  --help             Print this help

Environment:
  OTEL_EXPORTER_OTLP_ENDPOINT   Where to send traces and metrics, such as http://localhost:4317
  RUST_LOG                      The log filter, such as outlay=debug
  NO_COLOR                      Disables color";

/// The options of the command line.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) aws: bool,
    pub(crate) models: Models,
    pub(crate) viewer: Option<Viewer>,
    prices: Option<PathBuf>,
    pub(crate) help: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BadOption {
    #[error("unknown option `{0}`; see --help")]
    Unknown(String),
    #[error("{0} needs a value")]
    NoValue(&'static str),
    #[error("unknown viewer `{0}`: expected langfuse, logfire, mlflow or openinference")]
    UnknownViewer(String),
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, BadOption> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = |option| arguments.next().ok_or(BadOption::NoValue(option));
            match argument.as_str() {
                "--aws" => options.aws = true,
                "--model" => options.models.large = value("--model")?,
                "--small-model" => options.models.small = value("--small-model")?,
                "--viewer" => options.viewer = Some(viewer(value("--viewer")?)?),
                "--prices" => options.prices = Some(value("--prices")?.into()),
                "--help" | "-h" => options.help = true,
                _ => return Err(BadOption::Unknown(argument)),
            }
        }
        Ok(options)
    }

    /// Returns the bundled prices, with the user's overrides.
    pub(crate) fn prices(&self) -> Result<Prices, LoadPricesError> {
        match &self.prices {
            Some(path) => Prices::from_path(path),
            None => Ok(Prices::bundled()),
        }
    }
}

fn viewer(name: String) -> Result<Viewer, BadOption> {
    match name.as_str() {
        "langfuse" => Ok(Viewer::Langfuse),
        "logfire" => Ok(Viewer::Logfire),
        "mlflow" => Ok(Viewer::Mlflow),
        "openinference" => Ok(Viewer::OpenInference),
        _ => Err(BadOption::UnknownViewer(name)),
    }
}
