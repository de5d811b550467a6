//! The values of a policy file, and their errors.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use outlay_price::Usd;
use toml::Spanned;
use toml::map::Map;

use crate::BudgetRule;
use crate::message_text::shown;

/// A table of words, in the order of the file.
pub(super) type Words = Map<String, toml::Value>;

/// An invalid value: the problem, and its position in the text.
pub(super) struct InvalidValue {
    pub(super) at: Option<usize>,
    pub(super) problem: String,
}

pub(super) fn invalid<T, V>(at: &Spanned<T>, problem: impl fmt::Display) -> Result<V, InvalidValue> {
    Err(InvalidValue { at: Some(at.span().start), problem: problem.to_string() })
}

/// Returns the keys and texts of a table.
pub(super) fn words(only: Option<&Spanned<Words>>) -> Result<Vec<(&str, &str)>, InvalidValue> {
    let Some(only) = only else { return Ok(Vec::new()) };
    let not_text = |(key, value): (&'_ String, &'_ toml::Value)| value.as_str().is_none().then(|| key.clone());
    if let Some(key) = only.as_ref().iter().find_map(not_text) {
        return invalid(only, format_args!("only.{key}: expected a string"));
    }
    Ok(only.as_ref().iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect())
}

/// Returns the text for a label of a metric. A longer one would be cut, and would then name somebody else.
pub(super) fn label<'t>(field: &str, text: &'t Spanned<String>) -> Result<&'t str, InvalidValue> {
    let most = BudgetRule::MAX_LABEL;
    match text.as_ref().trim() {
        "" => invalid(text, format_args!("{field}: must not be empty")),
        long if long.chars().count() > most => {
            invalid(text, format_args!("{field}: `{}` is longer than {most} characters", shown(long)))
        }
        control if control.contains(char::is_control) => {
            invalid(text, format_args!("{field}: `{}` has a control character", shown(control)))
        }
        label => Ok(label),
    }
}

pub(super) fn money(field: &str, text: &Spanned<String>) -> Result<Usd, InvalidValue> {
    let usd: Usd = parsed(field, text)?;
    if usd < Usd::ZERO { invalid(text, format_args!("{field}: `{}` is below zero", text.as_ref())) } else { Ok(usd) }
}

pub(super) fn duration(field: &str, text: &Spanned<String>) -> Result<Duration, InvalidValue> {
    let duration: SignedDuration = match text.as_ref().parse() {
        Ok(duration) => duration,
        Err(_) => {
            return invalid(text, format_args!("{field}: `{}` is not a duration such as 60s or 5m", text.as_ref()));
        }
    };
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => invalid(text, format_args!("{field}: `{}` is not a positive duration", text.as_ref())),
    }
}

pub(super) fn parsed<T: FromStr>(field: &str, text: &Spanned<String>) -> Result<T, InvalidValue>
where
    T::Err: fmt::Display,
{
    text.as_ref().parse().or_else(|error| invalid(text, format_args!("{field}: `{}`: {error}", text.as_ref())))
}
