//! Values of the file, and what is wrong with them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use outlay_price::Usd;
use toml::Spanned;
use toml::map::Map;

/// In the order of the file.
pub(super) type Words = Map<String, toml::Value>;

/// What is wrong, and where in the text.
pub(super) struct Bad {
    pub(super) at: Option<usize>,
    pub(super) problem: String,
}

pub(super) fn bad<T, V>(at: &Spanned<T>, problem: impl fmt::Display) -> Result<V, Bad> {
    Err(Bad { at: Some(at.span().start), problem: problem.to_string() })
}

/// The text of each entry.
pub(super) fn words(only: Option<&Spanned<Words>>) -> Result<Vec<(&str, &str)>, Bad> {
    let Some(only) = only else { return Ok(Vec::new()) };
    let word = |(key, value): (&'_ String, &'_ toml::Value)| value.as_str().is_none().then(|| key.clone());
    if let Some(key) = only.as_ref().iter().find_map(word) {
        return bad(only, format_args!("only.{key}: it is no text"));
    }
    Ok(only.as_ref().iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect())
}

pub(super) fn money(field: &str, text: &Spanned<String>) -> Result<Usd, Bad> {
    let usd: Usd = parsed(field, text)?;
    if usd < Usd::ZERO { bad(text, format_args!("{field}: `{}` is below zero", text.as_ref())) } else { Ok(usd) }
}

pub(super) fn duration(field: &str, text: &Spanned<String>) -> Result<Duration, Bad> {
    let duration: SignedDuration = match text.as_ref().parse() {
        Ok(duration) => duration,
        Err(_) => return bad(text, format_args!("{field}: `{}` is no time, such as 60s or 5m", text.as_ref())),
    };
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => bad(text, format_args!("{field}: `{}` is no time to wait", text.as_ref())),
    }
}

pub(super) fn parsed<T: FromStr>(field: &str, text: &Spanned<String>) -> Result<T, Bad>
where
    T::Err: fmt::Display,
{
    text.as_ref().parse().or_else(|error| bad(text, format_args!("{field}: `{}`: {error}", text.as_ref())))
}
