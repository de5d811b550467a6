use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::ParseModelError;
use crate::decimal::DecimalError;

/// The error for a price file that does not load, with its location and a hint to fix it.
#[derive(Debug)]
pub struct LoadPricesError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    file: Option<PathBuf>,
    line: Option<usize>,
    field: Option<String>,
    problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    Unreadable(io::Error),
    NotUtf8,
    Syntax { name: &'static str, message: String },
    DuplicateKey,
    UnknownKey,
    Missing,
    WrongType { expected: &'static str, found: &'static str },
    Float,
    Amount(DecimalError),
    Comma,
    Negative,
    Conditions,
    UnitTooFine,
    UnitTooLarge,
    DuplicateUnit,
    UnitsInContext,
    Account,
    Percent,
    OtherProvider,
    EndsBeforeItStarts,
    Word(String),
    Model(ParseModelError),
    Date,
    Count,
    NoRates,
    MissingBase,
    DuplicateRow { first: usize },
    ConflictingRouting,
    UnknownPrefix,
    DuplicateAlias,
    AliasToItself,
    Geo,
    RateNames,
    Foreign { format: &'static str },
}

impl LoadPricesError {
    /// Returns the file, or `None` if the prices did not come from a file.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Returns the line, starting at 1.
    pub fn line(&self) -> Option<usize> {
        self.0.line
    }

    /// Returns the field, such as `price.input`.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    pub(super) fn new(problem: Problem) -> Self {
        Self(Box::new(Inner { file: None, line: None, field: None, problem }))
    }

    pub(super) fn unreadable(path: &Path, error: io::Error) -> Self {
        Self::new(Problem::Unreadable(error)).in_file(path)
    }

    pub(super) fn on_line(problem: Problem, line: Option<usize>) -> Self {
        let mut this = Self::new(problem);
        this.0.line = line;
        this
    }

    pub(super) fn at(mut self, line: usize, field: impl Into<String>) -> Self {
        self.0.line = Some(line);
        self.0.field = Some(field.into());
        self
    }

    pub(super) fn in_file(mut self, path: &Path) -> Self {
        self.0.file = Some(path.to_owned());
        self
    }
}

impl fmt::Display for LoadPricesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { file, line, field, problem } = &*self.0;
        match (file, line) {
            (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        if let Some(field) = field {
            write!(f, "{field}: ")?;
        }
        problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Unreadable(_) => "cannot read the price file",
            Self::NotUtf8 => "not UTF-8 text: save the price file as UTF-8",
            Self::Syntax { name, message } => return write!(f, "not valid {name}: {message}"),
            Self::DuplicateKey => "duplicate key: remove one of them",
            Self::UnknownKey => "unknown key: remove it, or check its spelling",
            Self::Missing => "missing: add it",
            Self::WrongType { expected, found } => {
                return write!(f, "expected {expected}, found {found}");
            }
            Self::Float => "a float is inexact: write the amount in quotes, such as \"3.30\"",
            Self::Amount(error) => match error {
                DecimalError::Empty => "no amount: write US dollars per million tokens, such as \"3.30\"",
                DecimalError::BadByte(_) => "not a decimal number: write it such as \"3.30\"",
                DecimalError::TooFine => {
                    "more than 6 decimals: amounts are US dollars per million tokens, not per token"
                }
                DecimalError::TooLarge => "more than a thousand dollars per token: check the unit",
            },
            Self::Comma => "a comma in the amount: write a decimal point, such as \"3.30\"",
            Self::Negative => "a price cannot be negative",
            Self::Conditions => "not the price of a unit: write it such as \"output_image[side<=1024,premium]\"",
            Self::UnitTooFine => "more than 9 decimals: the amount is US dollars for one unit",
            Self::UnitTooLarge => "more than a million dollars per unit: check the amount",
            Self::DuplicateUnit => "the same unit and conditions as another entry of the row: remove one of them",
            Self::UnitsInContext => "units do not depend on the context: move them to the row without `context_over`",
            Self::Account => "not an AWS account: write its twelve digits in quotes, such as \"123456789012\"",
            Self::Percent => {
                "not a percentage: write more than 0 and at most 100, with at most 6 decimals, such as \"12.5\""
            }
            Self::OtherProvider => "the model has another provider: remove the key",
            Self::EndsBeforeItStarts => "not after `effective_from`: write the first day without the discount",
            Self::Word(message) => message,
            Self::Model(error) => return write!(f, "not a model id: {error}"),
            Self::Date => "not a date: write a day, such as \"2026-11-01\"",
            Self::Count => "not a number of tokens: write a whole number, such as 200000",
            Self::NoRates => "no rate: add at least `input`, `output` or `units`",
            Self::MissingBase => "no row with the same key and without `context_over`: add one for shorter contexts",
            Self::DuplicateRow { first } => {
                return write!(f, "the same key as the row on line {first}: remove one of them");
            }
            Self::ConflictingRouting => "conflicts with the prefix of the model: remove the key or the prefix",
            Self::UnknownPrefix => "unknown geo prefix: remove it from the model and set `routing`",
            Self::DuplicateAlias => "the same `from` as another alias: remove one of them",
            Self::RateNames => {
                "not a list of rates: write their names separated by commas, such as \"cache_read,cache_write_5m\""
            }
            Self::Geo => "not a geography: write one such as \"geo:eu\", or a region",
            Self::Foreign { format } => {
                return write!(f, "this is {format}, not a price file: convert it with `outlay prices update --from`");
            }
            Self::AliasToItself => "an alias must map an opaque id to a different id",
        };
        f.write_str(text)
    }
}

impl Error for LoadPricesError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.problem {
            Problem::Unreadable(error) => Some(error),
            Problem::Model(error) => Some(error),
            _ => None,
        }
    }
}
