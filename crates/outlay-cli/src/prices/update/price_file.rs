//! The price file to update.

use std::fs;
use std::path::{Path, PathBuf};

use outlay_price::Prices;
use outlay_price::parts::Row;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::row_text;
use crate::Error;

/// The head of a new file.
const HEAD: &str = "\
# Written by `outlay prices update`, which adds rows at the end. A row with `confidence` was imported from the table in its
# `source`. A row without it is your own and takes precedence over all others.
";

/// The text of a price file, with changes that are not written yet.
pub(super) struct PriceFile {
    /// The path to write to, with links resolved.
    path: Option<PathBuf>,
    text: String,
}

impl PriceFile {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is not a price file in TOML, or cannot be written.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self { path: None, text: String::new() }) };
        let failed = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            return Err(failed(&"an update is written as TOML: use a file name that ends in .toml").into());
        }
        if fs::symlink_metadata(path).is_err() {
            let directory = directory(path);
            let problem = format!("there is no directory {}: create it first", directory.display());
            return match directory.is_dir() {
                true => Ok(Self { path: Some(path.to_owned()), text: String::new() }),
                false => Err(failed(&problem).into()),
            };
        }
        // Write to the target of a link, so that its readers see the update too.
        let real = fs::canonicalize(path).map_err(|error| failed(&format!("it is a broken link: {error}")))?;
        let file = fs::metadata(&real).map_err(|error| failed(&error))?;
        if !file.is_file() {
            return Err(failed(&"it is not a regular file").into());
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

    /// Returns the bundled prices with the imported rows of the file, without the rows written by hand.
    pub(super) fn lists(&self) -> Result<Prices, Error> {
        let mut file = document(&self.text)?;
        file.remove("discount");
        file.remove("alias");
        // Without it, the version is that of the content, which differs from the bundled table's.
        file.remove("version");
        if let Some(rows) = rows_of(&mut file) {
            rows.retain(is_imported);
        }
        Ok(Prices::from_toml(&file.to_string())?)
    }

    /// Adds rows, and replaces imported rows with the same key.
    pub(super) fn put(&mut self, rows: &[Row]) -> Result<(), Error> {
        let keys: Vec<Vec<String>> = rows.iter().map(row_text::key).collect();
        let mut file = document(&self.text)?;
        if let Some(rows) = rows_of(&mut file) {
            let before = rows.len();
            rows.retain(|row| !(is_imported(row) && keys.contains(&key(row))));
            if rows.len() < before {
                self.text = file.to_string();
            }
        }
        self.text.push_str(&row_text::rows(rows));
        Ok(())
    }

    /// Writes a temporary file and renames it, so that a reader sees the old or the new content. Returns the path, or
    /// `None` if there is none to write to.
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
            // The temporary file may not exist.
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

/// Returns the key of a row, like [`row_text::key`].
fn key(row: &Table) -> Vec<String> {
    let text = |name: &str| match row.get(name) {
        Some(item) => item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned),
        None => String::new(),
    };
    row_text::KEY.map(text).to_vec()
}
