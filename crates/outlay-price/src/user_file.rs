use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::catalog::Layer;
use crate::discount::Discounts;
use crate::row::{Place, Row};
use crate::table::{Alias, Table, TableError};
use crate::{Confidence, ModelRef, Routing};

mod discount_table;
mod error;
mod fields;
mod foreign;
mod syntax;

#[cfg(test)]
mod user_file_tests;

pub use error::LoadPricesError;
use error::Problem;
use fields::{Fields, Item};
pub(crate) use syntax::Syntax;
use syntax::Value;

/// Loads the user's price file.
pub(crate) fn read(path: &Path) -> Result<Vec<Layer>, LoadPricesError> {
    let bytes = std::fs::read(path).map_err(|error| LoadPricesError::unreadable(path, error))?;
    let name = path.file_name().and_then(|name| name.to_str());
    String::from_utf8(bytes)
        .map_err(|_| LoadPricesError::new(Problem::NotUtf8))
        .and_then(|text| parse(&text, Syntax::of_file(path), name))
        .map_err(|error| error.in_file(path))
}

/// Parses the text of a price file. `name` is the source of its rows. The user's own rows form one layer. Rows with a
/// confidence, as written by an import, form another layer below it.
pub(crate) fn parse(text: &str, syntax: Syntax, name: Option<&str>) -> Result<Vec<Layer>, LoadPricesError> {
    let root = syntax.parse(text).map_err(|error| {
        // Detect a foreign format whatever the file name says.
        let format = Syntax::Json.parse(text).ok().and_then(|root| foreign::format(&root));
        format.map_or(error, |format| LoadPricesError::new(Problem::Foreign { format }))
    })?;
    if let Some(format) = foreign::format(&root) {
        return Err(LoadPricesError::new(Problem::Foreign { format }));
    }
    if !matches!(root.value, Value::Table(_)) {
        let found = root.kind;
        return Err(LoadPricesError::on_line(Problem::WrongType { expected: "an object", found }, Some(root.line)));
    }
    let mut file = Fields::new(&root);
    let version = match file.text("version")? {
        Some(version) => version.value.to_owned(),
        None => format!("{:08x}", hash(text.as_bytes())),
    };
    let source = name.unwrap_or("user");
    let (mut own, mut imported) = (Rows::default(), Rows::default());
    for mut fields in file.tables("price")? {
        let row = row(&mut fields, source)?;
        let rows = if row.confidence == Confidence::Own { &mut own } else { &mut imported };
        rows.lines.push(fields.line());
        rows.rows.push(row);
        fields.finish()?;
    }
    let mut discounts = Vec::new();
    for mut fields in file.tables("discount")? {
        discounts.push(discount_table::read(&mut fields)?);
        fields.finish()?;
    }
    let mut aliases = HashMap::new();
    for mut fields in file.tables("alias")? {
        let (from, to) = alias(&mut fields)?;
        fields.finish()?;
        if aliases.insert(from, to).is_some() {
            return Err(LoadPricesError::new(Problem::DuplicateAlias).at(fields.line(), "alias.from"));
        }
    }
    file.finish()?;
    let mut table = own.table(|rows| Table::own(&version, rows))?;
    table.aliases = aliases;
    let imported = match imported.rows.is_empty() {
        true => None,
        false => Some(Layer::from(imported.table(|rows| Table::listed(&version, rows))?)),
    };
    let discounts = (!discounts.is_empty())
        .then(|| Arc::new(Discounts { source: source.into(), version: Arc::clone(&table.version), list: discounts }));
    Ok([Layer { table: Arc::new(table), discounts }].into_iter().chain(imported).collect())
}

/// Rows and their first lines.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    lines: Vec<usize>,
}

impl Rows {
    fn table(self, table: impl FnOnce(Vec<Row>) -> Result<Table, TableError>) -> Result<Table, LoadPricesError> {
        let Self { rows, lines } = self;
        table(rows).map_err(|error| match error {
            TableError::Duplicate { first, second } => {
                LoadPricesError::new(Problem::DuplicateRow { first: lines[first] }).at(lines[second], "price")
            }
            TableError::MissingBase { row } => {
                LoadPricesError::new(Problem::MissingBase).at(lines[row], "price.context_over")
            }
        })
    }
}

fn row(fields: &mut Fields<'_>, file: &str) -> Result<Row, LoadPricesError> {
    let item = fields.required("model")?;
    let model = item.model()?;
    let (id, routing) = id_and_routing(&item, model, fields.parsed("routing")?)?;
    let place = match fields.text("region")? {
        Some(region) => place(&region)?,
        None => Place::of_region(model.region()),
    };
    let confidence = confidence(fields)?;
    let context_over = fields.count("context_over")?;
    let rates = fields.rates()?;
    let units = fields.units()?;
    match &context_over {
        Some(over) if over.value > 0 && !units.is_empty() => return Err(over.error(Problem::UnitsInContext)),
        // A list may lack a price for long contexts. They are then unpriced instead of priced like shorter ones.
        Some(over) if over.value > 0 && confidence != Confidence::Own => {}
        _ if rates.is_empty() && units.is_empty() => {
            return Err(LoadPricesError::new(Problem::NoRates).at(fields.line(), "price"));
        }
        _ => {}
    }
    Ok(Row {
        model: id.to_owned(),
        place,
        account: fields.account()?.map(str::to_owned),
        routings: vec![routing.unwrap_or(Routing::InRegion)],
        tier: fields.parsed("tier")?.map(Item::into_value).unwrap_or_default(),
        latency: fields.parsed("latency")?.map(Item::into_value).unwrap_or_default(),
        context_over: context_over.map_or(0, Item::into_value),
        start: fields.date("effective_from")?.map(Item::into_value),
        rates,
        derived: fields.derived()?,
        units,
        as_of: fields.text("as_of")?.map_or("", |day| day.value).to_owned(),
        source: fields.text("source")?.map_or(file, |source| source.value).to_owned(),
        confidence,
        note: fields.text("note")?.map_or("", |note| note.value).to_owned(),
    })
}

/// Parses a region, or a geography such as `geo:eu`.
fn place(region: &Item<&str>) -> Result<Place, LoadPricesError> {
    let Some(geo) = region.value.strip_prefix("geo:") else { return Ok(Place::of_region(Some(region.value))) };
    match geo.parse() {
        Ok(Routing::Geo(geo)) => Ok(Place::Geo(geo)),
        _ => Err(region.error(Problem::Geo)),
    }
}

/// Parses the confidence of a row. Defaults to the user's own.
fn confidence(fields: &mut Fields<'_>) -> Result<Confidence, LoadPricesError> {
    match fields.parsed::<Confidence>("confidence")? {
        Some(item) if item.value == Confidence::Elsewhere => {
            Err(item.error(Problem::Word("not allowed in a price file: a row applies to its own region".to_owned())))
        }
        Some(item) => Ok(item.into_value()),
        None => Ok(Confidence::Own),
    }
}

/// Returns the id of the rows, and the routing from the id or from the key `routing`.
fn id_and_routing<'t>(
    item: &Item<&'t str>,
    model: ModelRef<'t>,
    key: Option<Item<Routing>>,
) -> Result<(&'t str, Option<Routing>), LoadPricesError> {
    match (model.base_id(), model.routing(), key) {
        (None, _, None) => Ok((model.as_str(), None)),
        // A bare id does not determine the routing.
        (Some(base), Some(Routing::InRegion), key) => Ok((base, key.map(Item::into_value))),
        (Some(base), Some(implied), None) => Ok((base, Some(implied))),
        (Some(base), Some(implied), Some(key)) if implied == key.value => Ok((base, Some(implied))),
        (_, _, Some(key)) => Err(key.error(Problem::ConflictingRouting)),
        (Some(_), None, None) => Err(item.error(Problem::UnknownPrefix)),
    }
}

fn alias(fields: &mut Fields<'_>) -> Result<(Box<str>, Alias), LoadPricesError> {
    let from = fields.required("from")?;
    let to = fields.required("to")?;
    let model = to.model()?;
    if from.value.is_empty() || from.value == to.value {
        return Err(from.error(Problem::AliasToItself));
    }
    if model.base_id().is_some() && model.routing().is_none() {
        return Err(to.error(Problem::UnknownPrefix));
    }
    Ok((from.value.into(), Alias { to: to.value.into(), is_provisioned: false }))
}

/// Returns the FNV-1a hash, folded to 32 bits. It identifies a file's content and is the same on every machine.
fn hash(bytes: &[u8]) -> u32 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) as u32 ^ hash as u32
}
