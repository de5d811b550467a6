use std::ffi::OsString;

use clap::Args;

use super::load;
use crate::{Error, Told};

#[derive(Debug, Args)]
pub struct Diff {
    /// The older price file; `bundled` is the bundled prices alone
    old: OsString,
    /// The newer one
    new: OsString,
}

impl Diff {
    pub(super) fn run(&self) -> Result<Told, Error> {
        let [old, new] = [&self.old, &self.new].map(|name| load(name));
        Ok(Told::well(old?.diff(&new?).to_string()))
    }
}
