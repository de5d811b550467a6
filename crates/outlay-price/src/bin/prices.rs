//! Builds the bundled price table, and says how much of its sources is in it.
//!
//! `cargo run -p outlay-price --features import --bin prices -- build`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program tells its user")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use outlay_price::Prices;
use outlay_price::import::{RawSources, build, coverage};

const USAGE: &str = "usage: prices COMMAND

  build          writes data/prices.tsv, not-yet.txt and differences.tsv out of data/sources/ and data/resolutions.toml, and
                 prints what is different from the table before
  coverage       prints how many models of each source and vendor the bundled table prices, and which it does not and why
  diff OLD NEW   prints what is different between two price files, each over the bundled prices; 'bundled' is these alone";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["build"] => run_build(),
        ["coverage"] => run_coverage(),
        ["diff", old, new] => run_diff(old, new),
        ["help" | "--help" | "-h"] => Ok(USAGE.to_owned()),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run_build() -> Result<String, Box<dyn Error>> {
    let built = build(&Texts::read()?.sources())?;
    fs::write(data("prices.tsv"), &built.prices)?;
    fs::write(data("not-yet.txt"), &built.not_yet)?;
    fs::write(data("differences.tsv"), &built.differences)?;
    Ok(format!("{}\n{}", built.changes, built.summary))
}

fn run_coverage() -> Result<String, Box<dyn Error>> {
    Ok(coverage(&Texts::read()?.sources(), &Prices::bundled())?)
}

fn run_diff(old: &str, new: &str) -> Result<String, Box<dyn Error>> {
    let prices = |name| if name == "bundled" { Ok(Prices::bundled()) } else { Prices::from_path(name) };
    Ok(prices(old)?.diff(&prices(new)?).to_string())
}

/// What the table is built from.
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
