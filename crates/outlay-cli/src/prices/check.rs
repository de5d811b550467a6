use std::path::PathBuf;

use clap::Args;
use outlay_price::{ModelRef, Price, PriceQuery, Prices, Timestamp};

use super::lookup::{geography, regions};
use super::plausible::{Ranges, implausible_figures};
use crate::{CommandOutput, Error};

#[derive(Debug, Args)]
pub struct Check {
    /// The price file
    file: PathBuf,
}

impl Check {
    pub(super) fn run(&self) -> Result<CommandOutput, Error> {
        let prices = Prices::from_path(&self.file)?;
        if std::fs::read(&self.file).is_ok_and(|bytes| bytes.trim_ascii().is_empty()) {
            return Err(format!(
                "{}: the file is empty: a running program would keep its previous prices",
                self.file.display()
            )
            .into());
        }
        let own = prices.without_bundled();
        let bundled = Prices::bundled();
        let unused = prices.idle_discounts();
        let mut problems: Vec<String> =
            unused.iter().map(|discount| format!("{discount}: it applies to no price")).collect();
        for (from, to) in own.aliases() {
            let query = ModelRef::parse(to).map(|model| PriceQuery::new(model, Timestamp::now()));
            if !query.is_ok_and(|query| prices.lookup(&query).is_some()) {
                problems.push(format!("alias {from}: no price of `{to}` is known"));
            }
        }
        let regions = regions(&bundled);
        let ranges = Ranges::of(&bundled);
        let mut count = 0;
        for price in own.rows() {
            count += 1;
            let name = name(price);
            let region = price.region().filter(|_| geography(price).is_none());
            if let Some(region) = region.filter(|region| !regions.contains(*region)) {
                problems.push(format!("{name}: the bundled table has no region `{region}`"));
            }
            if price.note().is_empty() {
                problems.extend(
                    implausible_figures(price, &bundled, &ranges)
                        .into_iter()
                        .map(|problem| format!("{name}: {problem}")),
                );
            }
        }
        let file = self.file.display();
        let text = match problems.len() {
            0 => format!("{file}: {count} prices, all plausible"),
            found => {
                let noun = if found == 1 { "problem" } else { "problems" };
                format!(
                    "{}\n{file}: {count} prices, {found} {noun}. A row with a `note` may have any figure.",
                    problems.join("\n")
                )
            }
        };
        Ok(CommandOutput { text, is_success: problems.is_empty() })
    }
}

fn name(price: &Price) -> String {
    let details = [
        price.region().map(|region| format!("in {region}")),
        price.account().map(|account| format!("of account {account}")),
        price.effective_from().map(|day| format!("from {day}")),
    ]
    .into_iter()
    .flatten();
    let known = [price.model().to_owned(), price.routing().to_string(), price.tier().to_string()];
    known.into_iter().chain(details).collect::<Vec<_>>().join(" ")
}
