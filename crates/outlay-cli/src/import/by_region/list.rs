//! AWS's Price List: what a model costs in each region.

use std::collections::{BTreeMap, BTreeSet};

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
    pub(super) doubt: Option<Doubt>,
}

/// What says that the list may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Doubt {
    /// A rule, which says what is right.
    Rule,
    /// The batch price.
    Batch,
    /// The pricing page, which has another price of us-east-1.
    Page,
}

pub(super) type ByRegion = BTreeMap<String, Pair>;

/// By model.
#[derive(Debug, Default)]
pub(super) struct List(pub(super) BTreeMap<(String, Variant), ByRegion>);

impl List {
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
            let pair = Pair { input, output, listed: (input, output), doubt: None };
            for id in labels.ids(label)? {
                let key = ((*id).to_owned(), variant);
                let known = list.0.entry(key.clone()).or_default().entry(region.to_owned()).or_insert(pair);
                if *known != pair {
                    contradictions.push((key, region, line));
                }
            }
        }
        list.mend(rules)?;
        // Of two labels of one id that differ a rule says which holds.
        match contradictions.iter().find(|(key, region, _)| list.0[key][*region].doubt.is_none()) {
            None => Ok(list),
            Some(((id, _), _, line)) => {
                let what = format!("price list: `{line}`: another label of {id} has another price");
                Err(BuildError::one(format!("{what}: say in the resolutions which holds, as a list_error")))
            }
        }
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
            pair.doubt = Some(Doubt::Rule);
        }
        Ok(())
    }

    /// Marks what the pricing page or batch contradicts. What is doubtful of one id of a model is so of its other ids.
    pub(super) fn doubt(&mut self, page: &Page, twins: &[Vec<String>]) {
        let ids: BTreeSet<String> = self.0.keys().map(|(id, _)| id.clone()).collect();
        self.doubt_by_page(&ids, page);
        self.doubt_by_batch(&ids, page);
        for ids in twins {
            for variant in [Variant::OnDemand, Variant::Global, Variant::Batch] {
                self.share_doubts(ids, variant);
            }
        }
    }

    fn share_doubts(&mut self, ids: &[String], variant: Variant) {
        let of_ids = ids.iter().filter_map(|id| self.0.get(&(id.clone(), variant))).flatten();
        let doubted = of_ids.filter(|(_, pair)| pair.doubt.is_some());
        let doubted: Vec<(String, Pair)> = doubted.map(|(region, pair)| (region.clone(), *pair)).collect();
        for id in ids {
            let Some(own) = self.0.get_mut(&(id.clone(), variant)) else { continue };
            for (region, pair) in &doubted {
                if let Some(known) = own.get_mut(region).filter(|known| known.doubt.is_none()) {
                    *known = Pair { listed: known.listed, ..*pair };
                }
            }
        }
    }

    /// Of which region a price of the page is, it does not say; but it has that of us-east-1. Where it has another one, the
    /// two are of different times or things, and the other regions of the list are no surer.
    fn doubt_by_page(&mut self, ids: &BTreeSet<String>, page: &Page) {
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

    /// Marks what batch contradicts, unless the pricing page has it: batch is half of what is on demand.
    fn doubt_by_batch(&mut self, ids: &BTreeSet<String>, page: &Page) {
        for id in ids {
            let tolerance = self.tolerance(id);
            let Some(batch) = self.0.get(&(id.clone(), Variant::Batch)).cloned() else { continue };
            let Some(own) = self.0.get(&(id.clone(), Variant::OnDemand)).cloned() else { continue };
            for (region, pair) in own {
                // What a rule says is right is held against the other one too.
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

    /// How far half of a price and its batch price can be apart by rounding: the list rounds to cents, and a few models to
    /// ten cents.
    fn tolerance(&self, id: &str) -> u64 {
        let of_model = self.0.iter().filter(|((own, variant), _)| own == id && *variant != Variant::Global);
        let mut rates =
            of_model.flat_map(|(_, of_region)| of_region.values()).flat_map(|pair| [pair.input, pair.output]);
        if rates.all(|rate| rate.is_none_or(|rate| rate.picos().is_multiple_of(100_000))) { 150_000 } else { 15_000 }
    }
}

/// The last decimal that a rate is given with, as picodollars a token.
fn unit(rate: Rate) -> u64 {
    let places = std::iter::successors(Some(1), |unit: &u64| unit.checked_mul(10));
    places.take_while(|unit| rate.picos().is_multiple_of(*unit)).take(7).last().unwrap_or(1)
}
