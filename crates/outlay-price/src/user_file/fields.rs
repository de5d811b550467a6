//! TOML tables, read key by key: each value knows its line and its name.

use std::fmt::Display;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{LoadPricesError, Problem, line_of};
use crate::decimal::DecimalError;
use crate::rate::{RATES, Rate, Rates};

/// The keys of one table; those that were read are remembered.
pub(super) struct Fields<'t> {
    text: &'t str,
    /// `price`, or empty at the top.
    name: &'static str,
    table: &'t DeTable<'t>,
    line: usize,
    read: Vec<&'static str>,
}

/// A value, and where it is.
pub(super) struct Item<T> {
    pub(super) value: T,
    line: usize,
    field: String,
}

impl<T> Item<T> {
    pub(super) fn error(&self, problem: Problem) -> LoadPricesError {
        LoadPricesError::new(problem).at(self.line, self.field.clone())
    }

    pub(super) fn into_value(self) -> T {
        self.value
    }

    fn with<U>(self, value: U) -> Item<U> {
        Item { value, line: self.line, field: self.field }
    }
}

impl<'t> Fields<'t> {
    pub(super) fn new(text: &'t str, name: &'static str, table: &'t DeTable<'t>) -> Self {
        Self { text, name, table, line: 1, read: Vec::new() }
    }

    /// The line that the table starts on.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Result<Vec<Self>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(Vec::new());
        };
        let wrong = |value: &DeValue<'_>| Problem::WrongType { wanted: "[[tables]]", found: value.type_str() };
        let array = item.value.as_array().ok_or_else(|| item.error(wrong(item.value)))?;
        array
            .iter()
            .map(|entry| {
                let line = line_of(self.text, entry.span().start);
                let table = entry
                    .get_ref()
                    .as_table()
                    .ok_or_else(|| LoadPricesError::new(wrong(entry.get_ref())).at(line, key))?;
                Ok(Self { line, ..Self::new(self.text, key, table) })
            })
            .collect()
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<Item<&'t str>>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match item.value.as_str() {
            Some("") => Err(item.error(Problem::Missing)),
            Some(text) => Ok(Some(item.with(text))),
            None => Err(item.error(Problem::WrongType { wanted: "a text in quotes", found: item.value.type_str() })),
        }
    }

    pub(super) fn required(&mut self, key: &'static str) -> Result<Item<&'t str>, LoadPricesError> {
        let missing = LoadPricesError::new(Problem::Missing).at(self.line, self.field(key));
        self.text(key)?.ok_or(missing)
    }

    /// One of a set of words.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Item<T>>, LoadPricesError> {
        let Some(item) = self.text(key)? else {
            return Ok(None);
        };
        match item.value.parse() {
            Ok(value) => Ok(Some(item.with(value))),
            Err(error) => Err(item.error(Problem::Word(T::Err::to_string(&error)))),
        }
    }

    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<u64>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        let count = item.value.as_integer().filter(|integer| integer.radix() == 10);
        let count = count.and_then(|integer| integer.as_str().parse().ok());
        count.map(Some).ok_or_else(|| item.error(Problem::Count))
    }

    /// US dollars per million tokens, of each kind that the table has.
    pub(super) fn rates(&mut self) -> Result<Rates, LoadPricesError> {
        let mut rates = [None; RATES];
        for (rate, name) in rates.iter_mut().zip(Rates::NAMES) {
            *rate = self.rate(name)?;
        }
        Ok(Rates::from_all(rates))
    }

    fn rate(&mut self, key: &'static str) -> Result<Option<Rate>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        let amount = match item.value {
            DeValue::String(text) => &**text,
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(_) => return Err(item.error(Problem::Float)),
            other => {
                let found = other.type_str();
                return Err(item.error(Problem::WrongType { wanted: "an amount in quotes", found }));
            }
        };
        if amount.starts_with('-') {
            return Err(item.error(Problem::Negative));
        }
        match Rate::per_million(amount) {
            Ok(rate) => Ok(Some(rate)),
            Err(DecimalError::BadByte(_)) if amount.contains(',') => {
                Err(item.error(Problem::Word("a comma in the amount: write a point, such as \"3.30\"".to_owned())))
            }
            Err(error) => Err(item.error(Problem::Amount(error))),
        }
    }

    /// Refuses the keys that nobody read.
    pub(super) fn finish(&self) -> Result<(), LoadPricesError> {
        match self.table.iter().find(|(key, _)| !self.read.contains(&&**key.get_ref())) {
            None => Ok(()),
            Some((key, _)) => {
                let line = line_of(self.text, key.span().start);
                Err(LoadPricesError::new(Problem::UnknownKey).at(line, self.field(key.get_ref())))
            }
        }
    }

    fn item(&mut self, key: &'static str) -> Option<Item<&'t DeValue<'t>>> {
        self.read.push(key);
        let value: &'t Spanned<DeValue<'t>> = self.table.get(key)?;
        Some(Item { value: value.get_ref(), line: line_of(self.text, value.span().start), field: self.field(key) })
    }

    fn field(&self, key: &str) -> String {
        match self.name {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }
}
