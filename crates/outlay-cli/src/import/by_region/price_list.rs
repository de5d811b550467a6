//! AWS's Price List: the price of each model by region.

use std::collections::{BTreeMap, BTreeSet};

use super::pricing_page::PricingPage;
use super::region_labels::Labels;
use crate::import::build_error::BuildError;
use crate::import::resolutions::{Doubt, Resolutions};
use outlay_price::parts::Rate;

/// The kind of price in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variant {
    /// On demand, in the region and through profiles of its geographies.
    OnDemand,
    /// The global profile, by the region of the call.
    Global,
    Batch,
}

/// Input and output as the list has them, even if a rule changes them.
pub(super) type Listed = (Option<Rate>, Option<Rate>);

/// The rates for input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RatePair {
    pub(super) input: Option<Rate>,
    pub(super) output: Option<Rate>,
    /// Both rates as the list has them.
    pub(super) listed: Listed,
    pub(super) doubt: Option<Doubt>,
}

pub(super) type ByRegion = BTreeMap<String, RatePair>;

/// The prices of the list by model.
#[derive(Debug, Default)]
pub(super) struct PriceList(pub(super) BTreeMap<(String, Variant), ByRegion>);

impl PriceList {
    pub(super) fn parse(text: &str, labels: &Labels<'_>, rules: &Resolutions) -> Result<Self, BuildError> {
        let mut list = Self::default();
        let mut contradictions = Vec::new();
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
            let pair = RatePair { input, output, listed: (input, output), doubt: None };
            for id in labels.ids(label)? {
                let key = ((*id).to_owned(), variant);
                let known = list.0.entry(key.clone()).or_default().entry(region.to_owned()).or_insert(pair);
                if *known != pair {
                    contradictions.push((key, region, line));
                }
            }
        }
        list.apply_list_errors(rules)?;
        // If two labels of one id differ, a rule must decide.
        match contradictions.iter().find(|(key, region, _)| list.0[key][*region].doubt.is_none()) {
            None => Ok(list),
            Some(((id, _), _, line)) => {
                let what = format!("price list: `{line}`: another label of {id} has another price");
                Err(BuildError::one(format!("{what}: add a list_error to the resolutions")))
            }
        }
    }

    /// Replaces prices that a rule corrects.
    fn apply_list_errors(&mut self, rules: &Resolutions) -> Result<(), BuildError> {
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
                    let bad = |_| BuildError::one(format!("resolutions: {}: {amount} is not a price", rule.name));
                    *slot = Some(Rate::per_million(amount).map_err(bad)?);
                }
            }
            pair.doubt = Some(Doubt::Rule);
        }
        Ok(())
    }

    /// Marks prices that the pricing page or the batch price contradicts. A doubt about one id of a model applies to
    /// its other ids.
    pub(super) fn mark_doubts(&mut self, page: &PricingPage, id_groups: &[Vec<String>]) {
        let ids: BTreeSet<String> = self.0.keys().map(|(id, _)| id.clone()).collect();
        self.mark_doubts_by_page(&ids, page);
        self.mark_doubts_by_batch(&ids, page);
        for ids in id_groups {
            for variant in [Variant::OnDemand, Variant::Global, Variant::Batch] {
                self.copy_doubts(ids, variant);
            }
        }
    }

    fn copy_doubts(&mut self, ids: &[String], variant: Variant) {
        let of_ids = ids.iter().filter_map(|id| self.0.get(&(id.clone(), variant))).flatten();
        let doubted = of_ids.filter(|(_, pair)| pair.doubt.is_some());
        let doubted: Vec<(String, RatePair)> = doubted.map(|(region, pair)| (region.clone(), *pair)).collect();
        for id in ids {
            let Some(own) = self.0.get_mut(&(id.clone(), variant)) else { continue };
            for (region, pair) in &doubted {
                if let Some(known) = own.get_mut(region).filter(|known| known.doubt.is_none()) {
                    *known = RatePair { listed: known.listed, ..*pair };
                }
            }
        }
    }

    /// Marks a model if the page has another price of us-east-1. The page does not state its regions, but has the
    /// prices of us-east-1. If they differ, the two are of different times or things, and the other regions of the list
    /// are in doubt as well.
    fn mark_doubts_by_page(&mut self, ids: &BTreeSet<String>, page: &PricingPage) {
        for id in ids {
            let main = self.0.get(&(id.clone(), Variant::OnDemand)).and_then(|own| own.get("us-east-1"));
            let Some(main) = main.filter(|pair| pair.doubt.is_none()) else { continue };
            let differs = |kind, rate: Option<Rate>| rate.is_some_and(|rate| page.contradicts(id, kind, rate));
            if !differs("input", main.input) && !differs("output", main.output) {
                continue;
            }
            for variant in [Variant::OnDemand, Variant::Batch] {
                let of_model = self.0.get_mut(&(id.clone(), variant));
                let pairs = of_model.into_iter().flat_map(BTreeMap::values_mut);
                pairs.for_each(|pair| pair.doubt = pair.doubt.or(Some(Doubt::Page)));
            }
        }
    }

    /// Marks prices that the batch price contradicts, unless the pricing page has them. Batch is half of the on-demand
    /// price.
    fn mark_doubts_by_batch(&mut self, ids: &BTreeSet<String>, page: &PricingPage) {
        for id in ids {
            let tolerance = self.tolerance(id);
            let Some(batch) = self.0.get(&(id.clone(), Variant::Batch)).cloned() else { continue };
            let Some(own) = self.0.get(&(id.clone(), Variant::OnDemand)).cloned() else { continue };
            for (region, pair) in own {
                // A corrected price is compared as well.
                let is_known = |doubt: Option<Doubt>| doubt.is_none_or(|doubt| doubt == Doubt::Rule);
                let Some(half) = batch.get(&region).filter(|half| is_known(half.doubt) && is_known(pair.doubt)) else {
                    continue;
                };
                let rates = [("input", pair.input, half.input), ("output", pair.output, half.output)];
                let is_off = |whole: Rate, half: Rate| {
                    let rounding = unit(whole) / 2 + unit(half);
                    whole.picos().abs_diff(half.picos() * 2) > tolerance.min(rounding)
                };
                if !rates
                    .iter()
                    .any(|(_, whole, half)| whole.zip(*half).is_some_and(|(whole, half)| is_off(whole, half)))
                {
                    continue;
                }
                for (variant, pair) in [(Variant::OnDemand, pair), (Variant::Batch, *half)] {
                    let is_on_page = |kind, rate: Option<Rate>| rate.is_none_or(|rate| page.has(id, kind, rate));
                    if !(is_on_page("input", pair.input) && is_on_page("output", pair.output)) {
                        let doubted = self.0.get_mut(&(id.clone(), variant)).and_then(|own| own.get_mut(&region));
                        doubted.into_iter().for_each(|pair| pair.doubt = pair.doubt.or(Some(Doubt::Batch)));
                    }
                }
            }
        }
    }

    /// Returns the rounding tolerance between half of a price and its batch price. The list rounds to cents, and for a
    /// few models to ten cents.
    fn tolerance(&self, id: &str) -> u64 {
        let of_model = self.0.iter().filter(|((own, variant), _)| own == id && *variant != Variant::Global);
        let mut rates =
            of_model.flat_map(|(_, of_region)| of_region.values()).flat_map(|pair| [pair.input, pair.output]);
        if rates.all(|rate| rate.is_none_or(|rate| rate.picos().is_multiple_of(100_000))) { 150_000 } else { 15_000 }
    }
}

/// Returns the last decimal of a rate, in pico-dollars per token.
fn unit(rate: Rate) -> u64 {
    let places = std::iter::successors(Some(1), |unit: &u64| unit.checked_mul(10));
    places.take_while(|unit| rate.picos().is_multiple_of(*unit)).take(7).last().unwrap_or(1)
}
