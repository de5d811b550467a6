//! Compares the table with AWS's Price List: each listed price must be charged in its region and be exact, or have a
//! rule that explains the difference.

use super::aws_prices::AwsPrices;
use super::price_list::Variant;
use crate::import::build_error::BuildError;
use crate::import::rates::per_million;
use crate::import::resolutions::Resolutions;
use outlay_price::{CostStatus, ModelRef, PriceQuery, Prices, Tier, Timestamp, Usage};

/// Returns lines for the table of deliberate differences.
pub(in crate::import) fn differences(
    aws: &AwsPrices,
    rules: &Resolutions,
    prices: &Prices,
) -> Result<Vec<String>, BuildError> {
    let today = day(&rules.version)?;
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for ((id, variant), by_region) in &aws.list.0 {
        let (wire, tier) = match variant {
            Variant::OnDemand => (id.clone(), Tier::Default),
            Variant::Batch => (id.clone(), Tier::Batch),
            Variant::Global => (format!("global.{id}"), Tier::Default),
        };
        for (region, pair) in by_region {
            let model = ModelRef::parse(&wire).map_err(|_| BuildError::one(format!("{wire} is not a model id")))?;
            let query = PriceQuery { region: Some(region), tier, ..PriceQuery::new(model, today) };
            let price = prices.lookup(&query);
            for (field, theirs) in [("input", pair.listed.0), ("output", pair.listed.1)] {
                let Some(theirs) = theirs else { continue };
                let tokens = 1_000_000;
                let usage = match field {
                    "input" => Usage::new().with_uncached_input(1),
                    _ => Usage::new().with_output(1),
                };
                let charge = price.map(|price| price.charge(&usage));
                let units = price.is_some_and(|price| !price.units().is_empty());
                let ours = charge.map(|charge| charge.total());
                let is_exact = charge.is_some_and(|charge| charge.status() == CostStatus::Exact || units);
                if ours == Some(theirs.times(1)) && is_exact {
                    continue;
                }
                let note = price.map_or("", |price| price.note());
                let rule = match () {
                    () if rules.change_rule(id, note).is_some() => rules.change_rule(id, note),
                    () => pair.doubt.map(|doubt| rules.list_rule(doubt, id, region, *variant == Variant::Batch)),
                };
                let theirs_text = per_million(theirs);
                let ours_text = ours.map_or_else(String::new, |ours| ours.saturating_mul(tokens).to_decimal());
                match rule {
                    Some((name, reason)) => {
                        let source = &rules.sources.price_list.name;
                        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                        lines.push(format!(
                            "{source}\t{id}\t{wire} in {region}\t\t{tier} {field}\t{theirs_text}\t{ours_text}\t{name}\t\
                             {reason}\n"
                        ));
                    }
                    None => problems.push(format!(
                        "aws-price-list: {wire} in {region}, {tier}: {field} is {theirs_text}, charged is `{ours_text}`, \
                         exact {is_exact}, by no rule"
                    )),
                }
            }
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(BuildError { problems }) }
}

fn day(text: &str) -> Result<Timestamp, BuildError> {
    text.parse().map_err(|_| BuildError::one(format!("resolutions: the version {text} is not a day")))
}
