//! The price file that is brought up to date.

use std::fs;
use std::path::{Path, PathBuf};

use outlay_price::Prices;
use outlay_price::parts::Row;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::text;
use crate::Error;

/// What a new file begins with.
const HEAD: &str = "\
# Written by `outlay prices update`, which adds rows at the end. A row with `confidence` was taken from the table that its
# `source` names; one without is your own, and comes before every other.
";

/// Its text as it is, and as it becomes.
pub(super) struct PriceFile {
    /// Where it is written, with links followed.
    path: Option<PathBuf>,
    text: String,
}

impl PriceFile {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be brought up to date: it is no price file in TOML, or cannot be written.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self { path: None, text: String::new() }) };
        let failed = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            return Err(failed(&"an update is written as TOML: name a file that ends in .toml").into());
        }
        if fs::symlink_metadata(path).is_err() {
            let directory = directory(path);
            let problem = format!("there is no directory {}: make it first", directory.display());
            return match directory.is_dir() {
                true => Ok(Self { path: Some(path.to_owned()), text: String::new() }),
                false => Err(failed(&problem).into()),
            };
        }
        // Who reads the target of a link wants the update too.
        let real = fs::canonicalize(path).map_err(|error| failed(&format!("it is a link to nothing: {error}")))?;
        let file = fs::metadata(&real).map_err(|error| failed(&error))?;
        if !file.is_file() {
            return Err(failed(&"it is no file").into());
        }
        if file.permissions().readonly() {
            return Err(failed(&"it is read-only").into());
        }
        Prices::from_path(path)?;
        let text = fs::read_to_string(&real).map_err(|error| failed(&error))?;
        let text = if text.is_empty() || text.ends_with('\n') { text } else { format!("{text}\n") };
        match document(&text).map_err(|error| failed(&error))?.get("price") {
            None | Some(Item::ArrayOfTables(_)) => Ok(Self { path: Some(real), text }),
            Some(_) => Err(failed(&"rows can only be added to [[price]]: write `price = [..]` as that").into()),
        }
    }

    /// The bundled prices with those that were taken over into the file, and without what somebody wrote by hand.
    pub(super) fn lists(&self) -> Result<Prices, Error> {
        let mut file = document(&self.text)?;
        file.remove("discount");
        file.remove("alias");
        // That of its content tells it from the bundled table.
        file.remove("version");
        if let Some(rows) = rows_of(&mut file) {
            rows.retain(is_imported);
        }
        Ok(Prices::from_toml(&file.to_string())?)
    }

    /// Adds rows; one that was taken over for the very same is replaced.
    pub(super) fn put(&mut self, rows: &[Row]) -> Result<(), Error> {
        let keys: Vec<Vec<String>> = rows.iter().map(text::key).collect();
        let mut file = document(&self.text)?;
        if let Some(rows) = rows_of(&mut file) {
            let before = rows.len();
            rows.retain(|row| !(is_imported(row) && keys.contains(&key(row))));
            if rows.len() < before {
                self.text = file.to_string();
            }
        }
        self.text.push_str(&text::rows(rows));
        Ok(())
    }

    /// Writes it beside the file and moves it there, so that who reads it meanwhile has the old or the new one. Returns
    /// where it is, where there is a place to write it to.
    pub(super) fn write(&self) -> Result<Option<&Path>, Error> {
        let is_new = self.path.as_deref().is_none_or(|path| !path.exists());
        let text = format!("{}{}", if is_new { HEAD } else { "" }, self.text);
        Prices::from_toml(&text).map_err(|error| format!("nothing was written: the file would not load: {error}"))?;
        let Some(path) = self.path.as_deref() else { return Ok(None) };
        let failed = |error: std::io::Error| format!("{}: nothing was written: {error}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = directory(path).join(format!(".{name}.{}", std::process::id()));
        let write = || {
            fs::write(&beside, &text)?;
            if !is_new {
                fs::set_permissions(&beside, fs::metadata(path)?.permissions())?;
            }
            fs::rename(&beside, path)
        };
        write().map_err(|error| {
            // It may not be there.
            let _ = fs::remove_file(&beside);
            failed(error)
        })?;
        Ok(Some(path))
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn document(text: &str) -> Result<DocumentMut, toml_edit::TomlError> {
    text.trim_start_matches('\u{feff}').parse()
}

fn rows_of(file: &mut DocumentMut) -> Option<&mut ArrayOfTables> {
    file.get_mut("price").and_then(Item::as_array_of_tables_mut)
}

fn is_imported(row: &Table) -> bool {
    row.get("confidence").and_then(Item::as_str).is_some_and(|word| word != "own")
}

/// What a row is of, as [`text::key`] has it.
fn key(row: &Table) -> Vec<String> {
    let text = |name: &str| match row.get(name) {
        Some(item) => item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned),
        None => String::new(),
    };
    text::KEY.map(text).to_vec()
}
