//! AWS's Price List: what a model costs in each region.

use std::collections::BTreeMap;

use super::agree::Listed;
use super::labels::Labels;
use super::page::Page;
use crate::import::BuildError;
use crate::import::resolutions::Resolutions;
use outlay_price::parts::Rate;

/// What of a model the list prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variant {
    /// On demand, in the region and through profiles of its geographies.
    OnDemand,
    /// The global profile, by the region that is called.
    Global,
    Batch,
}

/// Input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) input: Option<Rate>,
    pub(super) output: Option<Rate>,
    /// Both, as the list has them.
    pub(super) listed: Listed,
    /// Whether a rule says that the list is wrong here, or batch does.
    pub(super) is_doubtful: bool,
}

pub(super) type ByRegion = BTreeMap<String, Pair>;

/// By model.
#[derive(Debug, Default)]
pub(super) struct List(pub(super) BTreeMap<(String, Variant), ByRegion>);

impl List {
    pub(super) fn parse(text: &str, labels: &Labels<'_>, rules: &Resolutions) -> Result<Self, BuildError> {
        let mut list = Self::default();
        let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let bad = || BuildError::one(format!("price list: `{line}` is not understood"));
            let &[_, label, variant, region, input, output] = &*fields else { return Err(bad()) };
            let variant = match variant {
                "on_demand" => Variant::OnDemand,
                "cross_region" => Variant::Global,
                "batch" => Variant::Batch,
                _ => return Err(bad()),
            };
            let rate = |text: &str| match text {
                "" => Ok(None),
                text => Rate::per_million(text).map(Some).map_err(|_| bad()),
            };
            let (input, output) = (rate(input)?, rate(output)?);
            let pair = Pair { input, output, listed: (input, output), is_doubtful: false };
            for id in labels.ids(label)? {
                let of_model = list.0.entry(((*id).to_owned(), variant)).or_default();
                // Of two labels of one id the first holds.
                of_model.entry(region.to_owned()).or_insert(pair);
            }
        }
        list.mend(rules)?;
        Ok(list)
    }

    /// Puts what a rule says in the place of rows that are wrong.
    fn mend(&mut self, rules: &Resolutions) -> Result<(), BuildError> {
        for rule in &rules.list_error {
            let variant = if rule.batch { Variant::Batch } else { Variant::OnDemand };
            let own = self.0.get_mut(&(rule.id.clone(), variant));
            let pair = own.and_then(|own| own.get_mut(&rule.region));
            let Some(pair) = pair else {
                return Err(BuildError::one(format!(
                    "resolutions: {}: the list has no {} in {}",
                    rule.name, rule.id, rule.region
                )));
            };
            for (slot, amount) in [(&mut pair.input, &rule.input), (&mut pair.output, &rule.output)] {
                if let Some(amount) = amount {
                    let bad = |_| BuildError::one(format!("resolutions: {}: {amount} is no price", rule.name));
                    *slot = Some(Rate::per_million(amount).map_err(bad)?);
                }
            }
            pair.is_doubtful = true;
        }
        Ok(())
    }

    /// Marks what batch contradicts, unless the pricing page has it: batch is half of what is on demand.
    pub(super) fn doubt(&mut self, page: &Page) {
        let ids: Vec<String> = self.0.keys().map(|(id, _)| id.clone()).collect();
        for id in ids {
            let tolerance = self.tolerance(&id);
            let Some(batch) = self.0.get(&(id.clone(), Variant::Batch)).cloned() else { continue };
            let Some(own) = self.0.get(&(id.clone(), Variant::OnDemand)).cloned() else { continue };
            for (region, pair) in own {
                let Some(half) = batch.get(&region).filter(|half| !half.is_doubtful && !pair.is_doubtful) else {
                    continue;
                };
                let rates = [("input", pair.input, half.input), ("output", pair.output, half.output)];
                let is_off = |whole: Rate, half: Rate| whole.picos().abs_diff(half.picos() * 2) > tolerance;
                if !rates
                    .iter()
                    .any(|(_, whole, half)| whole.zip(*half).is_some_and(|(whole, half)| is_off(whole, half)))
                {
                    continue;
                }
                for (variant, pair) in [(Variant::OnDemand, pair), (Variant::Batch, *half)] {
                    let is_on_page = |kind, rate: Option<Rate>| rate.is_none_or(|rate| page.has(&id, kind, rate));
                    if !(is_on_page("input", pair.input) && is_on_page("output", pair.output)) {
                        let doubted = self.0.get_mut(&(id.clone(), variant)).and_then(|own| own.get_mut(&region));
                        doubted.into_iter().for_each(|pair| pair.is_doubtful = true);
                    }
                }
            }
        }
    }

    /// How far half of a price and its batch price can be apart by rounding: the list rounds to cents, and a few models to
    /// ten cents.
    fn tolerance(&self, id: &str) -> u64 {
        let of_model = self.0.iter().filter(|((own, variant), _)| own == id && *variant != Variant::Global);
        let mut rates =
            of_model.flat_map(|(_, of_region)| of_region.values()).flat_map(|pair| [pair.input, pair.output]);
        if rates.all(|rate| rate.is_none_or(|rate| rate.picos().is_multiple_of(100_000))) { 150_000 } else { 15_000 }
    }
}
