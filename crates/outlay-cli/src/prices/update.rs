use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use outlay_price::Prices;

use self::changes::{Changes, News};
use crate::columns::Columns;
use crate::import::{ImportOptions, Source};
use crate::{Error, Told};

mod changes;
mod text;

/// Without `--to` nothing is written: read what would change first. A change holds from the day on which the table was
/// taken, or that the table gives; what it held before stays as it was.
#[derive(Debug, Args)]
pub struct Update {
    /// A price table as downloaded: AWS's offer file (several make one), LiteLLM's table, or genai-prices
    #[arg(long, value_name = "FILE", required = true)]
    from: Vec<PathBuf>,
    /// The price file to write, which `OUTLAY_PRICES` takes; what it has already is kept
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The day (UTC) on which the table was taken; today where it is not given
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Lists what was left alone too
    #[arg(long)]
    verbose: bool,
}

/// What a new file begins with.
const HEAD: &str = "\
# Written by `outlay prices update`, which adds rows at the end. A row with `confidence` was taken from the table that its
# `source` names; one without is your own, and comes before every other.
";

impl Update {
    pub(super) fn run(&self) -> Result<Told, Error> {
        let before = self.before()?;
        let as_of = self.as_of.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
        let mut lists = text::without_own(&before)?;
        let mut changes = Changes::default();
        let mut added = String::new();
        for (source, texts) in self.sources()? {
            let options = ImportOptions::new(format!("{}-{as_of}", source.name())).with_as_of(as_of.to_string());
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let imported = source.read(&texts, &options)?;
            let news = News { source, imported: &imported, before: source.before()?, as_of };
            // A table that is read later sees what an earlier one has changed.
            let of_source = changes::find(&news, &Prices::from_toml(&lists)?)?;
            let rows = text::rows(&of_source.rows);
            lists.push_str(&rows);
            added.push_str(&rows);
            changes.extend(of_source);
        }
        let head = if before.is_empty() { HEAD } else { "" };
        let after = format!("{head}{before}{added}");
        Prices::from_toml(&after).map_err(|error| format!("{error}: nothing was written"))?;
        let mut told = self.told(&changes);
        if let Some(to) = self.to.as_deref().filter(|_| !added.is_empty()) {
            write(to, &after)?;
            told.push_str(&format!("{} is written.\n", to.display()));
        } else if !added.is_empty() {
            told.push_str("Nothing is written: give the price file with --to.\n");
        }
        Ok(Told::well(told))
    }

    /// The price file as it is.
    fn before(&self) -> Result<String, Error> {
        let Some(path) = self.to.as_deref() else { return Ok(String::new()) };
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            return Err(format!("{}: an update is written as TOML: name a file that ends so", path.display()).into());
        }
        if !path.try_exists()? {
            return Ok(String::new());
        }
        Prices::from_path(path)?;
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(if text.is_empty() || text.ends_with('\n') { text } else { format!("{text}\n") })
    }

    /// The texts by whose they are, AWS's first.
    fn sources(&self) -> Result<Vec<(Source, Vec<String>)>, Error> {
        let mut texts: BTreeMap<usize, (Source, Vec<String>)> = BTreeMap::new();
        for path in &self.from {
            let file = path.display();
            let text = fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
            let text = text.trim_start_matches('\u{feff}').to_owned();
            let source = Source::of(&text).map_err(|error| {
                format!("{file}: no price table of AWS, LiteLLM or genai-prices, which are JSON: {error}")
            })?;
            texts.entry(source as usize).or_insert((source, Vec::new())).1.push(text);
        }
        Ok(texts.into_values().collect())
    }

    fn told(&self, changes: &Changes) -> String {
        let mut columns = Columns::new(
            vec!["model", "routing", "region", "tier", "from", "over", "figure", "old", "new", "change"],
            7..10,
        );
        changes.lines.iter().for_each(|line| columns.push(line.to_vec()));
        let mut text = if columns.is_empty() { String::new() } else { columns.text() };
        text.push_str(&format!(
            "{} rows change, {} prices are as they were. {} prices by region are left alone, which the table does not tell \
             apart; {} parts of the table give no price.\n",
            changes.rows.len(),
            changes.same,
            changes.left_alone.len(),
            changes.skipped.len(),
        ));
        if self.verbose {
            changes.left_alone.iter().for_each(|line| text.push_str(&format!("left alone: {line}\n")));
            changes.skipped.iter().for_each(|line| text.push_str(&format!("no price: {line}\n")));
        }
        text
    }
}

/// Writes beside the file and moves it there, so that who reads it meanwhile has the old or the new one.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| format!("{}: no name of a file", path.display()))?;
    let beside = directory.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // It may not be there.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)?;
    Ok(())
}
