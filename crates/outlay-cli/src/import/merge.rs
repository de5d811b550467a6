//! The merge of LiteLLM and genai-prices into one list of rows.

use std::collections::{BTreeMap, BTreeSet};

use super::build_error::BuildError;
use super::context_tiers::with_missing_bounds;
use super::genai_table::{GenAiTable, Model};
use super::imported::Skipped;
use super::litellm_table::{LiteLlmRow, LiteLlmTable};
use super::offer::Offer;
use super::resolutions::{Resolutions, Source, SourceNames};
use super::source_id::Id;
use outlay_price::Confidence;
use outlay_price::parts::Row;

mod compare;
mod draft;
mod genai_ids;

use compare::{Comparison, compare, fill, union};
use draft::Draft;

pub(super) struct Merged {
    pub(super) rows: Vec<Row>,
    pub(super) not_yet: String,
    pub(super) summary: String,
}

pub(super) fn merge(litellm: LiteLlmTable, genai: &GenAiTable, rules: &Resolutions) -> Result<Merged, BuildError> {
    let keys = litellm.rows.len();
    let keys_skipped = litellm.skipped.iter().filter(|(what, _)| !what.starts_with("litellm field")).count();
    let mut merger = Merger {
        genai,
        rules,
        copies: copies(rules)?,
        drafts: Vec::new(),
        rules_used: BTreeSet::new(),
        models_found: BTreeSet::new(),
        problems: Vec::new(),
    };
    let offers = merger.by_id(litellm.rows);
    for id in merger.ids(&offers)? {
        merger.draft(&id, offers.get(&id));
    }
    merger.drafts.push(Draft::provisioned(&rules.provisioned));
    merger.unused_rules();
    let mut skipped = litellm.skipped;
    skipped.extend(merger.models_not_found());
    skipped.sort();
    let Merger { drafts, models_found, problems, .. } = merger;
    if !problems.is_empty() {
        return Err(BuildError { problems });
    }
    let mut rows: Vec<Row> = drafts.into_iter().flat_map(|draft| draft.into_rows(rules)).collect();
    for stated in &rules.units {
        if !stated.put_into(&mut rows)? {
            return Err(BuildError::one(format!("resolutions: the rule {} applies to no row: remove it", stated.name)));
        }
    }
    rows.sort_by_key(key);
    let models: BTreeSet<&str> = rows.iter().map(|row| row.model.as_str()).collect();
    let summary = format!(
        "{} rows of {} models; LiteLLM: {keys} of {} keys; genai-prices: {} of {} models",
        rows.len(),
        models.len(),
        keys + keys_skipped,
        models_found.len(),
        genai.models.len(),
    );
    let not_yet = skipped.iter().map(|(what, why)| format!("{what}\t{why}\n")).collect();
    Ok(Merged { rows, not_yet, summary })
}

/// Returns LiteLLM's rows alone, and the problems that kept some of them out.
pub(super) fn litellm_rows(rows: Vec<LiteLlmRow>, rules: &Resolutions) -> Result<(Vec<Row>, Vec<String>), BuildError> {
    let genai = GenAiTable { models: Vec::new() };
    let mut merger = Merger {
        genai: &genai,
        rules,
        copies: copies(rules)?,
        drafts: Vec::new(),
        rules_used: BTreeSet::new(),
        models_found: BTreeSet::new(),
        problems: Vec::new(),
    };
    let offers = merger.by_id(rows);
    let drafts = offers.iter().map(|(id, offer)| merger.litellm_draft(id, offer));
    let rows = drafts.flat_map(|draft| draft.into_rows(rules)).collect();
    Ok((with_missing_bounds(rows, rules), merger.problems))
}

/// Returns the rows of genai-prices alone, for the known ids, and the parts that were skipped.
pub(super) fn genai_rows(genai: &GenAiTable, known: BTreeSet<Id>, rules: &Resolutions) -> (Vec<Row>, Vec<Skipped>) {
    let mut skipped = Vec::new();
    let mut found = BTreeSet::new();
    let mut rows = Vec::new();
    for id in known.into_iter().chain(genai_ids::genai_only_ids(genai, &BTreeMap::new())).collect::<BTreeSet<_>>() {
        let Some(model) = genai.find(&id.wire()) else {
            continue;
        };
        found.insert(model.id.as_str());
        match rules.conflict(&id).filter(|rule| rule.take == Source::LiteLlm) {
            Some(rule) => skipped.push(Skipped::new(format!("genai-prices: {id}"), &*rule.reason)),
            None => rows.extend(model.offers.iter().flat_map(|(start, offer)| {
                Draft::single(&id, start.clone(), offer, &rules.sources.genai).into_rows(rules)
            })),
        }
    }
    for model in genai.models.iter().filter(|model| !found.contains(model.id.as_str())) {
        let why = rules.skipped(Source::GenAi, &model.id).map_or("no id on Bedrock matches it", |skip| &skip.reason);
        skipped.push(Skipped::new(format!("genai-prices: {}", model.id), why));
    }
    (with_missing_bounds(rows, rules), skipped)
}

struct Merger<'a> {
    genai: &'a GenAiTable,
    rules: &'a Resolutions,
    /// The source id and rule of each copied id.
    copies: BTreeMap<Id, (Id, &'a str)>,
    drafts: Vec<Draft>,
    rules_used: BTreeSet<&'a str>,
    models_found: BTreeSet<&'a str>,
    /// All problems, reported together.
    problems: Vec<String>,
}

fn copies(rules: &Resolutions) -> Result<BTreeMap<Id, (Id, &str)>, BuildError> {
    let pairs = rules.copy.iter().flat_map(|rule| rule.pairs().map(|pair| (pair, rule.name.as_str())));
    pairs.map(|(pair, name)| pair.map(|(to, from)| (to, (from, name)))).collect()
}

impl<'a> Merger<'a> {
    /// Returns LiteLLM's offers by id. Several keys may be of one id, and rules copy some ids from others.
    fn by_id(&mut self, mut rows: Vec<LiteLlmRow>) -> BTreeMap<Id, Offer> {
        let mut offers: BTreeMap<Id, Offer> = BTreeMap::new();
        // The plain key first: LiteLLM documents it, and the keys with a prefix add to it.
        rows.sort_by_key(|LiteLlmRow { key, .. }| {
            (key.starts_with("bedrock_mantle/"), key.starts_with("bedrock/"), key.clone())
        });
        for LiteLlmRow { key, id, offer } in rows {
            let own = offers.entry(id.clone()).or_default();
            if !self.copies.contains_key(&id) && !union(own, &offer) {
                self.problems.push(format!("litellm: {key} differs from another key of {id}"));
            }
        }
        let originals = offers.clone();
        for (to, (from, name)) in &self.copies {
            match originals.get(from) {
                Some(offer) => drop(offers.insert(to.clone(), offer.clone())),
                None => self.problems.push(format!("resolutions: {name}: there is no {from} to copy from")),
            }
        }
        offers
    }

    /// Returns all ids that get rows.
    fn ids(&mut self, offers: &BTreeMap<Id, Offer>) -> Result<BTreeSet<Id>, BuildError> {
        let mut ids: BTreeSet<Id> = offers.keys().cloned().collect();
        ids.extend(genai_ids::genai_only_ids(self.genai, offers));
        for id in self.rules.add.iter().flat_map(|add| &add.ids) {
            if !ids.insert(Id::parse(id)?) {
                self.problems.push(format!("resolutions: {id} is there without the rule that adds it"));
            }
        }
        Ok(ids)
    }

    fn draft(&mut self, id: &Id, own: Option<&Offer>) {
        // genai-prices has no regions.
        let model = if id.region.is_none() { self.genai.find(&id.wire()) } else { None };
        self.models_found.extend(model.map(|model| model.id.as_str()));
        match (own, model) {
            (Some(own), Some(model)) => self.merge_both(id, own, model),
            (Some(own), None) => {
                let draft = self.litellm_draft(id, own);
                self.drafts.push(draft);
            }
            (None, Some(model)) => {
                let offers = model.offers.iter();
                self.drafts.extend(
                    offers.map(|(start, offer)| Draft::single(id, start.clone(), offer, &self.rules.sources.genai)),
                );
            }
            (None, None) => self.problems.push(format!("resolutions: no source has a price of the added {id}")),
        }
    }

    /// Returns the draft of LiteLLM's offer, which a rule may have copied.
    fn litellm_draft(&self, id: &Id, offer: &Offer) -> Draft {
        let mut draft = Draft::single(id, None, offer, &self.rules.sources.litellm);
        if let Some((_, name)) = self.copies.get(id) {
            draft.confidence = Confidence::Derived;
            draft.notes.insert((*name).to_owned());
        }
        draft
    }

    /// Adds the drafts of an id that both sources have. LiteLLM has current prices only; genai-prices has past prices
    /// too.
    fn merge_both(&mut self, id: &Id, own: &Offer, model: &'a Model) {
        let mut draft = self.litellm_draft(id, own);
        let Some((latest, earlier)) = model.offers.split_last() else {
            return;
        };
        match compare(own, &latest.1) {
            Comparison::Agree => {
                fill(&mut draft.offer, &latest.1);
                let SourceNames { litellm, genai, .. } = &self.rules.sources;
                draft.source = format!("{}+{}", litellm.name, genai.name);
                draft.as_of = litellm.as_of.clone().min(genai.as_of.clone());
                // A copied price that the other source confirms is as certain as one that both state.
                draft.confidence = Confidence::Agreed;
            }
            Comparison::Differ(what) => match self.rules.conflict(id) {
                Some(rule) => {
                    self.rules_used.insert(&rule.name);
                    draft.notes.insert(rule.name.clone());
                    draft.confidence = Confidence::Resolved;
                    if rule.take == Source::GenAi {
                        draft.offer.tiers.extend(latest.1.tiers.clone());
                        draft.source.clone_from(&self.rules.sources.genai.name);
                        draft.as_of.clone_from(&self.rules.sources.genai.as_of);
                    }
                }
                None => self.problems.push(format!("{id}: the sources differ, and no rule decides: {what}")),
            },
        }
        draft.start.clone_from(&latest.0);
        self.drafts.push(draft);
        let single =
            |(start, offer): &(Option<_>, Offer)| Draft::single(id, start.clone(), offer, &self.rules.sources.genai);
        self.drafts.extend(earlier.iter().map(single));
    }

    fn unused_rules(&mut self) {
        for rule in &self.rules.conflict {
            if !self.rules_used.contains(rule.name.as_str()) {
                self.problems.push(format!("resolutions: the rule {} decides nothing: remove it", rule.name));
            }
        }
    }

    /// Returns the skipped models of genai-prices that match no id, with the reason.
    fn models_not_found(&mut self) -> Vec<(String, String)> {
        let mut skipped = Vec::new();
        for Model { id, .. } in &self.genai.models {
            match self.rules.skipped(Source::GenAi, id) {
                _ if self.models_found.contains(id.as_str()) => {}
                Some(skip) => skipped.push((format!("genai-prices {id}"), skip.reason.clone())),
                None => self.problems.push(format!("genai-prices: no id matches {id}: skip it with a reason")),
            }
        }
        skipped
    }
}

/// Returns the sort key of the table, which keeps diffs readable.
pub(super) fn key(row: &Row) -> impl Ord + use<> {
    let start = row.start.as_ref().map(|start| start.at);
    (row.model.clone(), row.routings.clone(), row.place.clone(), row.tier, row.latency, start, row.context_over)
}
