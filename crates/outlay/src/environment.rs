//! `OUTLAY_*`.

use std::env;
use std::path::{Path, PathBuf};

use outlay_ledger::{Dimension, Dimensions};

use crate::watched_file;

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
    path("OUTLAY_PRICES")
}

/// `OUTLAY_POLICY`.
pub(crate) fn policy_file() -> Option<PathBuf> {
    path("OUTLAY_POLICY")
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|path| !path.is_empty()).map(|path| watched_file::absolute(Path::new(&path)))
}

/// `OUTLAY_TEAM` and its like, `OUTLAY_DIMENSIONS`, and what the resource says. What is bad is told and left out.
pub(crate) fn dimensions(bad: impl FnMut(BadVariable)) -> Dimensions {
    read_dimensions(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()), bad)
}

fn read_dimensions(variable: impl Fn(&str) -> Option<String>, mut bad: impl FnMut(BadVariable)) -> Dimensions {
    let mut dimensions = Dimensions::default();
    // The weakest first: what comes later holds.
    for (key, value) in pairs(&variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()).flatten() {
        match key {
            "deployment.environment.name" => dimensions.set(Dimension::Environment, &percent_decoded(value)),
            "service.namespace" => dimensions.set(Dimension::Team, &percent_decoded(value)),
            _ => {}
        }
    }
    const OWN: &str = "OUTLAY_DIMENSIONS";
    let own = variable(OWN).unwrap_or_default();
    for pair in pairs(&own) {
        match pair {
            Ok((key, value)) => dimensions.set_named(key, value),
            Err(pair) => bad(BadVariable { name: OWN, value: short(pair), expected: "key=value, with commas between" }),
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

/// `key=value,key=value`; an error is a part that is no pair.
fn pairs(text: &str) -> impl Iterator<Item = Result<(&str, &str), &str>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').map(|(key, value)| (key.trim(), value.trim())).ok_or(part))
}

/// As the values of `OTEL_RESOURCE_ATTRIBUTES` are written. What is no such text stays as it is.
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

fn short(value: &str) -> String {
    value.chars().take(64).collect()
}

fn switch(name: &'static str, value: &str) -> Result<bool, BadVariable> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "" | "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(BadVariable { name, value: short(value), expected: "true, false" }),
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

    #[test]
    fn dimensions_come_from_the_closest_variable() {
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
        let dimensions = read_dimensions(variable, |bad| panic!("{bad}"));
        let known: Vec<_> = dimensions.known().map(|(d, v)| (d.as_str(), &**v)).collect();
        assert_eq!(known, [("team", "search"), ("cost_center", "cc-1"), ("environment", "pre-prod")]);
        assert_eq!(dimensions.named("tenant").map(|v| &**v), Some("acme"));
    }

    #[test]
    fn a_bad_list_says_what_to_write() {
        let mut told = Vec::new();
        let variable = |name: &str| (name == "OUTLAY_DIMENSIONS").then(|| "tenant,team=a".to_owned());
        let dimensions = read_dimensions(variable, |bad| told.push(bad.to_string()));
        assert_eq!(told, ["OUTLAY_DIMENSIONS is `tenant`, which is none of: key=value, with commas between"]);
        assert_eq!(dimensions.named("team").map(|v| &**v), Some("a"), "the rest holds");
    }
}
