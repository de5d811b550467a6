//! `OUTLAY_*`.

use std::env;
use std::path::PathBuf;

/// A variable's value is none that it can have.
#[derive(Debug, thiserror::Error)]
#[error("{name} is `{value}`, which is none of: {expected}")]
pub struct BadVariable {
    name: &'static str,
    value: String,
    expected: &'static str,
}

/// `OUTLAY_DISABLED`.
pub(crate) fn disabled() -> Result<bool, BadVariable> {
    const NAME: &str = "OUTLAY_DISABLED";
    let Some(value) = env::var_os(NAME) else { return Ok(false) };
    switch(NAME, &value.to_string_lossy())
}

/// `OUTLAY_PRICES`.
pub(crate) fn price_file() -> Option<PathBuf> {
    env::var_os("OUTLAY_PRICES").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn switch(name: &'static str, value: &str) -> Result<bool, BadVariable> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "" | "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(BadVariable { name, value: value.chars().take(64).collect(), expected: "true, false" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_on_off_or_an_error_that_says_what_to_write() {
        assert!(matches!(switch("OUTLAY_DISABLED", " True "), Ok(true)));
        assert!(matches!(switch("OUTLAY_DISABLED", ""), Ok(false)));
        let error = switch("OUTLAY_DISABLED", "maybe").map_err(|e| e.to_string());
        assert_eq!(error, Err("OUTLAY_DISABLED is `maybe`, which is none of: true, false".to_owned()));
    }
}
