use std::borrow::Cow;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::{Entry, Lines, Node, Value};
use crate::user_file::error::{LoadPricesError, Problem};

pub(super) fn parse<'t>(text: &'t str, lines: &Lines) -> Result<Node<'t>, LoadPricesError> {
    let root = DeTable::parse(text).map_err(|error| {
        let problem = Problem::Syntax { name: "TOML", message: error.message().trim().to_owned() };
        LoadPricesError::on_line(problem, error.span().map(|span| lines.of(span.start)))
    })?;
    Ok(Node { line: 1, kind: "table", value: table(root.into_inner(), lines) })
}

fn table<'t>(table: DeTable<'t>, lines: &Lines) -> Value<'t> {
    let entries = table.into_iter().map(|(key, value)| {
        let line = lines.of(key.span().start);
        Entry { key: key.into_inner(), line, node: node(value, lines) }
    });
    Value::Table(entries.collect())
}

fn node<'t>(value: Spanned<DeValue<'t>>, lines: &Lines) -> Node<'t> {
    let line = lines.of(value.span().start);
    let value = value.into_inner();
    let kind = value.type_str();
    let value = match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(integer) if integer.radix() == 10 => Value::Number(Cow::Owned(integer.as_str().to_owned())),
        DeValue::Float(_) => Value::Float,
        DeValue::Array(list) => Value::List(list.into_iter().map(|value| node(value, lines)).collect()),
        DeValue::Table(inner) => table(inner, lines),
        _ => Value::Other,
    };
    Node { line, kind, value }
}
