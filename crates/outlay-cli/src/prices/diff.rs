use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use clap::Args;
use outlay_price::Prices;

use super::changed_charges;
use super::options::{DateOption, load_prices};
use crate::columns::Columns;
use crate::{CommandOutput, Error};

#[derive(Debug, Args)]
pub struct Diff {
    /// The older price file; `bundled` for the bundled prices alone
    old: OsString,
    /// The newer price file, or `bundled`
    new: OsString,
    #[command(flatten)]
    date_option: DateOption,
}

impl Diff {
    pub(super) fn run(&self) -> Result<CommandOutput, Error> {
        let [old, new] = [&self.old, &self.new].map(|name| load_prices(name));
        let (old, new) = (old?, new?);
        let mut text = format!("{}\n", old.diff(&new));
        let parts = [
            ("Aliases of models", aliases(&old, &new)),
            ("Figures that calls are charged by", changed_charges::table(&old, &new, self.date_option.instant())),
        ];
        for (title, columns) in parts.iter().filter(|(_, columns)| !columns.is_empty()) {
            text.push_str(&format!("\n{title}\n{}", columns.text()));
        }
        Ok(CommandOutput::success(text))
    }
}

fn aliases(old: &Prices, new: &Prices) -> Columns {
    let [old, new] = [old, new].map(|prices| prices.aliases().collect::<BTreeMap<_, _>>());
    let mut columns = Columns::new(vec!["name", "old", "new"], 3..3);
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let [before, after] = [&old, &new].map(|known| known.get(name).copied().unwrap_or_default());
        if before != after {
            columns.push([name, before, after].map(str::to_owned).to_vec());
        }
    }
    columns
}
