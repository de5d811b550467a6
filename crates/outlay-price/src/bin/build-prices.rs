//! Writes `data/prices.tsv` and `data/not-yet.txt` out of `data/sources/` and `data/resolutions.toml`.
//!
//! `cargo run -p outlay-price --features import --bin build-prices`

#![allow(clippy::print_stderr, reason = "a program tells its user on standard error")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use outlay_price::import::{RawSources, build};

fn main() -> ExitCode {
    match run() {
        Ok(summary) => {
            eprintln!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Box<dyn Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let read = |name: &str| {
        let path = data.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let built = build(&RawSources {
        litellm: &read("sources/litellm-1.109.1-bedrock.json")?,
        genai: &read("sources/genai-prices-0.2.3-aws.json")?,
        resolutions: &read("resolutions.toml")?,
    })?;
    fs::write(data.join("prices.tsv"), &built.prices)?;
    fs::write(data.join("not-yet.txt"), &built.not_yet)?;
    Ok(built.summary)
}
