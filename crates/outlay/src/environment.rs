//! The variables `OUTLAY_*`.

use std::env;
use std::path::{Path, PathBuf};

use outlay_ledger::{Dimension, Dimensions};

use crate::watched_file;

/// An invalid value of an environment variable.
#[derive(Debug, thiserror::Error)]
#[error("{name} is `{value}`; expected: {expected}")]
pub struct InvalidVariableError {
    name: &'static str,
    value: String,
    expected: &'static str,
}

impl InvalidVariableError {
    /// Returns the variable's name.
    pub const fn name(&self) -> &str {
        self.name
    }

    /// Returns the first 64 characters of what is invalid: the value, or one entry of a list.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Returns the value of `OUTLAY_DISABLED`.
pub(crate) fn disabled() -> Result<bool, InvalidVariableError> {
    const NAME: &str = "OUTLAY_DISABLED";
    let Some(value) = env::var_os(NAME) else { return Ok(false) };
    parse_bool(NAME, &value.to_string_lossy())
}

/// Returns the path in `OUTLAY_PRICES`.
pub(crate) fn price_file() -> Option<PathBuf> {
    path("OUTLAY_PRICES")
}

/// Returns the path in `OUTLAY_POLICY`.
pub(crate) fn policy_file() -> Option<PathBuf> {
    path("OUTLAY_POLICY")
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|path| !path.is_empty()).map(|path| watched_file::absolute(Path::new(&path)))
}

/// Returns the dimensions in `OUTLAY_TEAM` and its like, `OUTLAY_DIMENSIONS` and `OTEL_RESOURCE_ATTRIBUTES`. Calls
/// `on_error` for each invalid entry of `OUTLAY_DIMENSIONS`, and skips it.
pub(crate) fn dimensions(on_error: impl FnMut(InvalidVariableError)) -> Dimensions {
    read_dimensions(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()), on_error)
}

fn read_dimensions(
    variable: impl Fn(&str) -> Option<String>,
    mut on_error: impl FnMut(InvalidVariableError),
) -> Dimensions {
    let mut dimensions = Dimensions::default();
    // The weakest source first: later ones overwrite it.
    for (key, value) in pairs(&variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()).flatten() {
        match key {
            "deployment.environment.name" => dimensions.set(Dimension::Environment, &percent_decoded(value)),
            "service.namespace" => dimensions.set(Dimension::Team, &percent_decoded(value)),
            _ => {}
        }
    }
    const NAME: &str = "OUTLAY_DIMENSIONS";
    let list = variable(NAME).unwrap_or_default();
    for pair in pairs(&list) {
        match pair {
            Ok((key, value)) => dimensions.set_named(key, value),
            Err(part) => {
                on_error(InvalidVariableError {
                    name: NAME,
                    value: truncated(part),
                    expected: "key=value, separated by commas",
                });
            }
        }
    }
    for dimension in Dimension::ALL {
        let name = format!("OUTLAY_{}", dimension.as_str().to_ascii_uppercase());
        if let Some(value) = variable(&name) {
            dimensions.set(dimension, &value);
        }
    }
    dimensions
}

/// Splits `key=value,key=value`. A part without `=` is an error.
fn pairs(text: &str) -> impl Iterator<Item = Result<(&str, &str), &str>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').map(|(key, value)| (key.trim(), value.trim())).ok_or(part))
}

/// Decodes a value of `OTEL_RESOURCE_ATTRIBUTES`. Returns invalid text unchanged.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        rest = match tail {
            [high, low, after @ ..] if *first == b'%' => {
                let (Some(high), Some(low)) = (digit(high), digit(low)) else { return text.to_owned() };
                bytes.push((high * 16 + low) as u8);
                after
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn truncated(value: &str) -> String {
    value.chars().take(64).collect()
}

fn parse_bool(name: &'static str, value: &str) -> Result<bool, InvalidVariableError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "" | "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(InvalidVariableError { name, value: truncated(value), expected: "true, false" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_boolean_is_an_error_that_lists_the_valid_values() {
        assert!(matches!(parse_bool("OUTLAY_DISABLED", " True "), Ok(true)));
        assert!(matches!(parse_bool("OUTLAY_DISABLED", ""), Ok(false)));
        let error = parse_bool("OUTLAY_DISABLED", "maybe").map_err(|e| e.to_string());
        assert_eq!(error, Err("OUTLAY_DISABLED is `maybe`; expected: true, false".to_owned()));
    }

    #[test]
    fn the_most_specific_variable_sets_a_dimension() {
        let variable = |name: &str| {
            let value = match name {
                "OTEL_RESOURCE_ATTRIBUTES" => {
                    "service.name=x,deployment.environment.name=pre%2Dprod,service.namespace=platform, odd"
                }
                "OUTLAY_DIMENSIONS" => "tenant=acme, team=search,",
                "OUTLAY_COST_CENTER" => "cc-1",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let dimensions = read_dimensions(variable, |error| panic!("{error}"));
        let known: Vec<_> = dimensions.known().map(|(d, v)| (d.as_str(), &**v)).collect();
        assert_eq!(known, [("team", "search"), ("cost_center", "cc-1"), ("environment", "pre-prod")]);
        assert_eq!(dimensions.named("tenant").map(|v| &**v), Some("acme"));
    }

    #[test]
    fn an_invalid_entry_of_a_list_is_an_error_and_the_others_are_used() {
        let mut errors = Vec::new();
        let variable = |name: &str| (name == "OUTLAY_DIMENSIONS").then(|| "tenant,team=a".to_owned());
        let dimensions = read_dimensions(variable, |error| errors.push(error.to_string()));
        assert_eq!(errors, ["OUTLAY_DIMENSIONS is `tenant`; expected: key=value, separated by commas"]);
        assert_eq!(dimensions.named("team").map(|v| &**v), Some("a"), "the other entry is used");
    }
}
