use std::borrow::Cow;

use hashbrown::HashSet;
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Entry, Lines, Node, Value};
use crate::user_file::error::{LoadPricesError, Problem};

/// Options for standard JSON, without the parser's extensions.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn parse<'t>(text: &'t str, lines: &Lines) -> Result<Node<'t>, LoadPricesError> {
    let syntax_error =
        |message: String, line| LoadPricesError::on_line(Problem::Syntax { name: "JSON", message }, line);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT)
        .map_err(|error| syntax_error(error.kind().to_string(), Some(lines.of(error.range().start))))?;
    node(parsed.value.ok_or_else(|| syntax_error("the text is empty".to_owned(), None))?, lines)
}

fn node<'t>(value: ast::Value<'t>, lines: &Lines) -> Result<Node<'t>, LoadPricesError> {
    let line = lines.of(value.range().start);
    let (kind, value) = match value {
        ast::Value::StringLit(text) => ("string", Value::Text(text.value)),
        ast::Value::NumberLit(number) => ("number", Value::Number(Cow::Borrowed(number.value))),
        ast::Value::BooleanLit(_) => ("boolean", Value::Other),
        ast::Value::NullKeyword(_) => ("null", Value::Other),
        ast::Value::Array(list) => {
            ("array", Value::List(list.elements.into_iter().map(|value| node(value, lines)).collect::<Result<_, _>>()?))
        }
        ast::Value::Object(object) => ("object", table(object, lines)?),
    };
    Ok(Node { line, kind, value })
}

fn table<'t>(object: ast::Object<'t>, lines: &Lines) -> Result<Value<'t>, LoadPricesError> {
    let mut entries: Vec<Entry<'t>> = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let line = lines.of(property.range.start);
        let key = match property.name {
            ast::ObjectPropName::String(text) => text.value,
            ast::ObjectPropName::Word(word) => Cow::Borrowed(word.value),
        };
        entries.push(Entry { key, line, node: node(property.value, lines)? });
    }
    check_unique(&entries)?;
    Ok(Value::Table(entries))
}

/// Rejects duplicate keys, because JSON does not define which one applies.
fn check_unique(entries: &[Entry<'_>]) -> Result<(), LoadPricesError> {
    let mut keys = HashSet::new();
    match entries.iter().find(|entry| !keys.insert(&*entry.key)) {
        Some(duplicate) => Err(LoadPricesError::new(Problem::DuplicateKey).at(duplicate.line, &*duplicate.key)),
        None => Ok(()),
    }
}
