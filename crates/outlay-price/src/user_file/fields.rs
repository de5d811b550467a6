//! The tables of a price file, read key by key. Each value has its line and field name, for errors.

use std::fmt::Display;
use std::str::FromStr;

use super::error::{LoadPricesError, Problem};
use super::syntax::{Entry, Node, Value};
use crate::decimal::DecimalError;
use crate::effective_from::Start;
use crate::rate::{RATES, Rate, RateSet, Rates};
use crate::unit::UnitPriceError;
use crate::{ModelRef, ParseModelError, UnitPrice};

/// The keys of a table. It tracks the keys that were read, to reject unknown ones.
pub(super) struct Fields<'t> {
    /// The name of the table, such as `price`, or empty for the root.
    name: &'static str,
    table: &'t [Entry<'t>],
    line: usize,
    read: Vec<&'static str>,
}

/// A value with its line and field name.
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

impl<'t> Item<&'t str> {
    pub(super) fn model(&self) -> Result<ModelRef<'t>, LoadPricesError> {
        ModelRef::parse(self.value).map_err(|error: ParseModelError| self.error(Problem::Model(error)))
    }
}

impl<'t> Item<&'t Node<'t>> {
    fn wrong_type(&self, expected: &'static str) -> LoadPricesError {
        self.error(Problem::WrongType { expected, found: self.value.kind })
    }

    /// Returns the text of a decimal number.
    fn decimal(&self) -> Result<&'t str, LoadPricesError> {
        match &self.value.value {
            Value::Text(text) | Value::Number(text) if text.contains(',') => Err(self.error(Problem::Comma)),
            Value::Text(text) | Value::Number(text) => Ok(text),
            Value::Float => Err(self.error(Problem::Float)),
            _ => Err(self.wrong_type("an amount in quotes")),
        }
    }

    /// Returns the text of a decimal number that is not negative.
    fn amount(&self) -> Result<&'t str, LoadPricesError> {
        self.decimal().and_then(|digits| match digits.starts_with('-') {
            true => Err(self.error(Problem::Negative)),
            false => Ok(digits),
        })
    }
}

impl<'t> Fields<'t> {
    pub(super) fn new(root: &'t Node<'t>) -> Self {
        let table: &[Entry<'t>] = match &root.value {
            Value::Table(table) => table,
            _ => &[],
        };
        Self { name: "", table, line: root.line, read: Vec::new() }
    }

    /// Returns the line that the table starts on.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Returns the tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Result<Vec<Self>, LoadPricesError> {
        const EXPECTED: &str = "[[tables]]";
        let Some(item) = self.item(key) else {
            return Ok(Vec::new());
        };
        let Value::List(list) = &item.value.value else {
            return Err(item.wrong_type(EXPECTED));
        };
        let fields =
            |node: &'t Node<'t>| match &node.value {
                Value::Table(table) => Ok(Self { name: key, table, line: node.line, read: Vec::new() }),
                _ => Err(LoadPricesError::new(Problem::WrongType { expected: EXPECTED, found: node.kind })
                    .at(node.line, key)),
            };
        list.iter().map(fields).collect()
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<Item<&'t str>>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match &item.value.value {
            Value::Text(text) if text.is_empty() => Err(item.error(Problem::Missing)),
            Value::Text(text) => Ok(Some(item.with(&**text))),
            _ => Err(item.wrong_type("a string in quotes")),
        }
    }

    pub(super) fn required(&mut self, key: &'static str) -> Result<Item<&'t str>, LoadPricesError> {
        let missing = LoadPricesError::new(Problem::Missing).at(self.line, self.field(key));
        self.text(key)?.ok_or(missing)
    }

    /// Returns a string parsed as a `T`.
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

    pub(super) fn date(&mut self, key: &'static str) -> Result<Option<Item<Start>>, LoadPricesError> {
        let Some(item) = self.text(key)? else {
            return Ok(None);
        };
        match Start::parse(item.value) {
            Some(start) => Ok(Some(item.with(start))),
            None => Err(item.error(Problem::Date)),
        }
    }

    /// Returns the twelve digits of an AWS account.
    pub(super) fn account(&mut self) -> Result<Option<&'t str>, LoadPricesError> {
        match self.text("account")? {
            Some(item) if item.value.len() == 12 && item.value.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Some(item.value))
            }
            Some(item) => Err(item.error(Problem::Account)),
            None => Ok(None),
        }
    }

    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<Item<u64>>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        let count = match &item.value.value {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        match count {
            Some(count) => Ok(Some(item.with(count))),
            None => Err(item.error(Problem::Count)),
        }
    }

    /// Returns the text of a required decimal number.
    pub(super) fn decimal(&mut self, key: &'static str) -> Result<Item<&'t str>, LoadPricesError> {
        let missing = LoadPricesError::new(Problem::Missing).at(self.line, self.field(key));
        let item = self.item(key).ok_or(missing)?;
        let digits = item.decimal()?;
        Ok(item.with(digits))
    }

    /// Returns the rates in the table, in US dollars per million tokens.
    pub(super) fn rates(&mut self) -> Result<Rates, LoadPricesError> {
        let mut rates = [None; RATES];
        for (rate, name) in rates.iter_mut().zip(Rates::NAMES) {
            *rate = self.rate(name)?;
        }
        Ok(Rates::from_all(rates))
    }

    /// Returns the derived rates, given as a list of names: `cache_read,cache_write_5m`.
    pub(super) fn derived(&mut self) -> Result<RateSet, LoadPricesError> {
        match self.text("derived")? {
            Some(item) => RateSet::parse(item.value).ok_or_else(|| item.error(Problem::RateNames)),
            None => Ok(RateSet::default()),
        }
    }

    fn rate(&mut self, key: &'static str) -> Result<Option<Rate>, LoadPricesError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match Rate::per_million(item.amount()?) {
            Ok(rate) => Ok(Some(rate)),
            Err(error) => Err(item.error(Problem::Amount(error))),
        }
    }

    /// Returns the prices of units in the table `units`, in US dollars per unit.
    pub(super) fn units(&mut self) -> Result<Vec<UnitPrice>, LoadPricesError> {
        let Some(item) = self.item("units") else {
            return Ok(Vec::new());
        };
        let Value::Table(table) = &item.value.value else {
            return Err(item.wrong_type("a table of units"));
        };
        let mut units: Vec<UnitPrice> = Vec::new();
        for Entry { key, line, node } in table {
            let field = format!("{}.{key}", item.field);
            let item = Item { value: node, line: *line, field };
            let price = UnitPrice::parse_parts(key, item.amount()?).map_err(|error| item.error(Problem::of(error)))?;
            if units.iter().any(|other| other.is_of_same(&price)) {
                return Err(item.error(Problem::DuplicateUnit));
            }
            units.push(price);
        }
        Ok(units)
    }

    /// Rejects keys that were not read.
    pub(super) fn finish(&self) -> Result<(), LoadPricesError> {
        match self.table.iter().find(|entry| !self.read.contains(&&*entry.key)) {
            None => Ok(()),
            Some(entry) => Err(LoadPricesError::new(Problem::UnknownKey).at(entry.line, self.field(&entry.key))),
        }
    }

    fn item(&mut self, key: &'static str) -> Option<Item<&'t Node<'t>>> {
        self.read.push(key);
        let entry = self.table.iter().find(|entry| entry.key == key)?;
        Some(Item { value: &entry.node, line: entry.node.line, field: self.field(key) })
    }

    fn field(&self, key: &str) -> String {
        match self.name {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }
}

impl Problem {
    fn of(error: UnitPriceError) -> Self {
        match error {
            UnitPriceError::Unit(error) => Self::Word(error.to_string()),
            UnitPriceError::Conditions => Self::Conditions,
            UnitPriceError::Amount(DecimalError::TooFine) => Self::UnitTooFine,
            UnitPriceError::Amount(DecimalError::TooLarge) => Self::UnitTooLarge,
            UnitPriceError::Amount(error) => Self::Amount(error),
        }
    }
}
