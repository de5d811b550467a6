use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use clap::Args;
use outlay_price::Prices;

use super::{When, changed_charges, load};
use crate::columns::Columns;
use crate::{Error, Told};

#[derive(Debug, Args)]
pub struct Diff {
    /// The older price file; `bundled` is the bundled prices alone
    old: OsString,
    /// The newer one
    new: OsString,
    #[command(flatten)]
    when: When,
}

impl Diff {
    pub(super) fn run(&self) -> Result<Told, Error> {
        let [old, new] = [&self.old, &self.new].map(|name| load(name));
        let (old, new) = (old?, new?);
        let mut text = format!("{}\n", old.diff(&new));
        let parts = [
            ("Names that stand for other models", aliases(&old, &new)),
            ("What calls are charged by", changed_charges::table(&old, &new, self.when.instant())),
        ];
        for (title, columns) in parts.iter().filter(|(_, columns)| !columns.is_empty()) {
            text.push_str(&format!("\n{title}\n{}", columns.text()));
        }
        Ok(Told::well(text))
    }
}

fn aliases(old: &Prices, new: &Prices) -> Columns {
    let [old, new] = [old, new].map(|prices| prices.aliases().collect::<BTreeMap<_, _>>());
    let mut columns = Columns::new(vec!["name", "old", "new"], 3..3);
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let [was, is] = [&old, &new].map(|known| known.get(name).copied().unwrap_or_default());
        if was != is {
            columns.push([name, was, is].map(str::to_owned).to_vec());
        }
    }
    columns
}
