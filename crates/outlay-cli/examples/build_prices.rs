//! Builds the bundled price table, and prints how much of its sources is in it.
//!
//! `cargo run -p outlay-cli --example build_prices`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program prints its results")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use outlay_cli::import::{RawSources, build, source_coverage};
use outlay_price::Prices;

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the table and the two lists beside it. Returns the changes from the previous table, and the models of the
/// sources that it does not price with the reason.
fn run() -> Result<String, Box<dyn Error>> {
    let texts = Texts::read()?;
    let built = build(&texts.sources())?;
    fs::write(data("../../outlay-price/data/prices.tsv"), &built.prices)?;
    fs::write(data("not-yet.txt"), &built.not_yet)?;
    fs::write(data("differences.tsv"), &built.differences)?;
    let coverage = source_coverage(&texts.sources(), &Prices::from_tsv(&built.prices)?)?;
    Ok(format!("{}\n{}\n{coverage}", built.changes, built.summary))
}

/// The texts that the table is built from.
struct Texts {
    litellm: String,
    genai: String,
    price_list: String,
    pricing_page: String,
    labels: String,
    resolutions: String,
}

impl Texts {
    fn read() -> Result<Self, Box<dyn Error>> {
        let read = |name: &str| {
            let path = data(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self {
            litellm: read("sources/litellm-1.110.2-bedrock.json")?,
            genai: read("sources/genai-prices-0.2.3-aws.json")?,
            price_list: read("sources/aws-price-list-2026-08-20.tsv")?,
            pricing_page: read("sources/aws-pricing-page-2026-07-24.tsv")?,
            labels: read("aws-labels.tsv")?,
            resolutions: read("resolutions.toml")?,
        })
    }

    fn sources(&self) -> RawSources<'_> {
        RawSources {
            litellm: &self.litellm,
            genai: &self.genai,
            price_list: &self.price_list,
            pricing_page: &self.pricing_page,
            labels: &self.labels,
            resolutions: &self.resolutions,
        }
    }
}

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}
