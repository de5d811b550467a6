//! Any text as one of the generator's sources: it builds a table that loads, or says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outlay_cli::import::{RawSources, build};

const RULES: &str = include_str!("../../crates/outlay-cli/data/resolutions.toml");
const NO_GENAI: &str = r#"{"models": []}"#;

fuzz_target!(|text: &str| {
    // Without rules, because a rule that decides nothing is an error.
    let rules: String = RULES.split("[[").next().unwrap_or_default().to_owned();
    let empty = RawSources {
        litellm: "{}",
        genai: NO_GENAI,
        price_list: "",
        pricing_page: "",
        labels: "",
        resolutions: &rules,
    };
    for sources in [
        RawSources { litellm: text, ..empty },
        RawSources { genai: text, ..empty },
        RawSources { price_list: text, ..empty },
        RawSources { pricing_page: text, ..empty },
    ] {
        match build(&sources) {
            Ok(built) => assert!(built.prices.lines().count() >= 2),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
