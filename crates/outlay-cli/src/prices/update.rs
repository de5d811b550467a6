use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use outlay_price::Timestamp;
use outlay_price::parts::Start;

use self::changes::{Changes, TableUpdate};
use self::price_file::PriceFile;
use crate::columns::Columns;
use crate::import::{ImportOptions, PriceTable};
use crate::{CommandOutput, Error};

mod changes;
mod price_file;
mod row_text;

/// Without `--to`, only shows what would change. A change is effective from the day of the table, or from a later day
/// that the table states.
#[derive(Debug, Args)]
pub struct Update {
    /// A downloaded price table: AWS's offer file (or several), LiteLLM's table, or genai-prices
    #[arg(long, value_name = "FILE", required = true)]
    from: Vec<PathBuf>,
    /// The price file to write, for `OUTLAY_PRICES`; its existing content is kept
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The day (UTC) of the table; defaults to the day in AWS's file, and to today for the others
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Start>,
    /// Accepts figures that are at least ten times the price in force, or at most a tenth of it
    #[arg(long)]
    accept_far: bool,
    /// Also lists what was left alone
    #[arg(long)]
    verbose: bool,
}

/// Texts with the paths of their files.
type Texts<'a> = Vec<(&'a Path, String)>;

fn day(text: &str) -> Result<Start, String> {
    Start::parse(text).ok_or_else(|| "not a date: write a day, such as 2026-10-07".to_owned())
}

impl Update {
    pub(super) fn run(&self) -> Result<CommandOutput, Error> {
        let mut file = PriceFile::open(self.to.as_deref())?;
        let mut changes = Changes::default();
        for (table, texts) in self.tables()? {
            let names = texts.iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>().join(", ");
            // A table sees the changes of the tables before it.
            let of_table = self.changes(table, &texts, &file).map_err(|error| format!("{names}: {error}"))?;
            file.put(&of_table.rows)?;
            changes.extend(of_table);
        }
        let mut text = self.summary(&changes);
        if !changes.rows.is_empty() {
            match file.write()? {
                Some(path) => text.push_str(&format!("wrote {}\n", path.display())),
                None => text.push_str("Nothing was written: set the price file with --to.\n"),
            }
        }
        Ok(CommandOutput::success(text))
    }

    /// Returns the texts by their tables, AWS's first.
    fn tables(&self) -> Result<BTreeMap<PriceTable, Texts<'_>>, Error> {
        let mut tables: BTreeMap<_, Texts<'_>> = BTreeMap::new();
        for path in &self.from {
            let file = path.display();
            let text = fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
            let text = text.trim_start_matches('\u{feff}').to_owned();
            let table = PriceTable::detect(&text)
                .map_err(|error| format!("{file}: no price table of AWS, LiteLLM or genai-prices in JSON: {error}"))?;
            tables.entry(table).or_default().push((path, text));
        }
        Ok(tables)
    }

    fn changes(&self, table: PriceTable, texts: &Texts<'_>, file: &PriceFile) -> Result<Changes, Error> {
        let today = || Start::parse(&Timestamp::now().day());
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
        let as_of = as_of.ok_or("the day of the table is unknown: set it with --as-of")?;
        changes::find(
            &TableUpdate { table, imported, snapshot: table.snapshot()?, as_of, accepts_far: self.accept_far },
            &file.lists()?,
        )
    }

    fn summary(&self, changes: &Changes) -> String {
        let mut columns = Columns::new(
            vec!["model", "routing", "region", "tier", "from", "over", "figure", "old", "new", "change"],
            7..10,
        );
        changes.lines.iter().for_each(|line| columns.push(line.to_vec()));
        let mut text = if columns.is_empty() { String::new() } else { columns.text() };
        text.push_str(&format!(
            "{} rows change, {} prices are unchanged, {} are left alone, {} parts of the table give no price.\n",
            changes.rows.len(),
            changes.same,
            changes.left_alone.len(),
            changes.skipped.len(),
        ));
        if self.verbose {
            changes.left_alone.iter().for_each(|line| text.push_str(&format!("left alone: {line}\n")));
            changes.skipped.iter().for_each(|line| text.push_str(&format!("no price: {line}\n")));
        } else if !changes.left_alone.is_empty() || !changes.skipped.is_empty() {
            text.push_str("--verbose lists them with the reasons.\n");
        }
        text
    }
}
