use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use outlay_price::parts::Start;

use self::changes::{Changes, News};
use self::file::PriceFile;
use crate::columns::Columns;
use crate::import::{ImportOptions, PriceTable};
use crate::{Error, Told};

mod changes;
mod file;
mod text;

/// Without `--to` nothing is written: read first what would change. A change holds from the day on which the table was
/// taken, or from a later one that the table gives.
#[derive(Debug, Args)]
pub struct Update {
    /// A price table as downloaded: AWS's offer file (several make one), LiteLLM's table, or genai-prices
    #[arg(long, value_name = "FILE", required = true)]
    from: Vec<PathBuf>,
    /// The price file to write, which `OUTLAY_PRICES` takes; what it has already is kept
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The day (UTC) on which the table was taken; where it is not given, that of AWS's file, and today for the others
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Start>,
    /// Takes over also what is ten times the price in force or more, or a tenth of it or less
    #[arg(long)]
    accept_far: bool,
    /// Lists what was left alone too
    #[arg(long)]
    verbose: bool,
}

/// Texts, each with the path of its file.
type Texts<'a> = Vec<(&'a Path, String)>;

fn day(text: &str) -> Result<Start, String> {
    Start::parse(text).ok_or_else(|| "not a date: write a day, such as 2026-10-07".to_owned())
}

impl Update {
    pub(super) fn run(&self) -> Result<Told, Error> {
        let mut file = PriceFile::open(self.to.as_deref())?;
        let mut changes = Changes::default();
        for (table, texts) in self.tables()? {
            let names = texts.iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>().join(", ");
            // A table sees what one before it has changed.
            let of_table = self.changes(table, &texts, &file).map_err(|error| format!("{names}: {error}"))?;
            file.put(&of_table.rows)?;
            changes.extend(of_table);
        }
        let mut text = self.told(&changes);
        if !changes.rows.is_empty() {
            match file.write()? {
                Some(path) => text.push_str(&format!("{} is written.\n", path.display())),
                None => text.push_str("Nothing is written: give the price file with --to.\n"),
            }
        }
        Ok(Told::well(text))
    }

    /// The texts by whose they are, AWS's first.
    fn tables(&self) -> Result<BTreeMap<PriceTable, Texts<'_>>, Error> {
        let mut tables: BTreeMap<_, Texts<'_>> = BTreeMap::new();
        for path in &self.from {
            let file = path.display();
            let text = fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
            let text = text.trim_start_matches('\u{feff}').to_owned();
            let table = PriceTable::of(&text)
                .map_err(|error| format!("{file}: no price table of AWS, LiteLLM or genai-prices in JSON: {error}"))?;
            tables.entry(table).or_default().push((path, text));
        }
        Ok(tables)
    }

    fn changes(&self, table: PriceTable, texts: &Texts<'_>, file: &PriceFile) -> Result<Changes, Error> {
        let today = || Start::parse(&Timestamp::now().to_zoned(TimeZone::UTC).date().to_string());
        let texts: Vec<&str> = texts.iter().map(|(_, text)| &**text).collect();
        let read = |day: &str| {
            let options = ImportOptions::new(format!("{}-{day}", table.name())).with_as_of(day);
            table.read(&texts, &options)
        };
        let (as_of, imported) = match &self.as_of {
            Some(day) => (Some(day.clone()), read(&day.text)?),
            None if table == PriceTable::Aws => {
                let imported = read("")?;
                (imported.rows.iter().filter_map(|row| Start::parse(&row.as_of)).max().or_else(today), imported)
            }
            None => {
                let day = today();
                (day.clone(), read(day.as_ref().map_or("", |day| &day.text))?)
            }
        };
        let as_of = as_of.ok_or("no day on which it was taken is known: give it with --as-of")?;
        changes::find(
            &News { table, imported, snapshot: table.snapshot()?, as_of, accepts_far: self.accept_far },
            &file.lists()?,
        )
    }

    fn told(&self, changes: &Changes) -> String {
        let mut columns = Columns::new(
            vec!["model", "routing", "region", "tier", "from", "over", "figure", "old", "new", "change"],
            7..10,
        );
        changes.lines.iter().for_each(|line| columns.push(line.to_vec()));
        let mut text = if columns.is_empty() { String::new() } else { columns.text() };
        text.push_str(&format!(
            "{} rows change, {} prices are as they were, {} are left alone, {} parts of the table give no price.\n",
            changes.rows.len(),
            changes.same,
            changes.left_alone.len(),
            changes.skipped.len(),
        ));
        if self.verbose {
            changes.left_alone.iter().for_each(|line| text.push_str(&format!("left alone: {line}\n")));
            changes.skipped.iter().for_each(|line| text.push_str(&format!("no price: {line}\n")));
        } else if !changes.left_alone.is_empty() || !changes.skipped.is_empty() {
            text.push_str("--verbose lists them, with the reasons.\n");
        }
        text
    }
}
