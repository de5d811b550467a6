//! The model that an answer names.

use hashbrown::HashMap;

use super::Prices;
use crate::model::{bare_names, without_variant};
use crate::{Family, ModelRef};

/// Model ids by each of their bare names.
pub(super) type ModelsByBareName = HashMap<String, Vec<Box<str>>>;

/// The model that an answer names, compared with the called one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "these are all the cases that there are")]
pub enum NamedModel<'a> {
    /// The model that was called.
    Called,
    /// Another model of the catalogue, by its id without geo prefix.
    Other(&'a str),
    /// A model that is not in the catalogue, or the called model is unknown.
    Unknown,
}

impl Prices {
    /// Compares the model name in an answer with the model that was called.
    ///
    /// Answers spell a model's name in many ways, so vendor, geography, date and revision are ignored. The result is
    /// [`NamedModel::Unknown`] if the call went to a profile that no price file maps.
    ///
    /// ```
    /// use outlay_price::{ModelRef, NamedModel, Prices};
    ///
    /// let prices = Prices::bundled();
    /// let called = ModelRef::parse("us.anthropic.claude-sonnet-4-5-20250929-v1:0")?;
    /// assert_eq!(prices.named_model(called, "claude-sonnet-4-5"), NamedModel::Called);
    /// assert_eq!(prices.named_model(called, "claude-sonnet-5"), NamedModel::Other("anthropic.claude-sonnet-5"));
    /// assert_eq!(prices.named_model(called, "our-own-name"), NamedModel::Unknown);
    /// # Ok::<(), outlay_price::ParseModelError>(())
    /// ```
    #[must_use]
    pub fn named_model(&self, model: ModelRef<'_>, name: &str) -> NamedModel<'_> {
        let Some(called) = self.resolve(model).base_id() else { return NamedModel::Unknown };
        // The fast path: most answers have the id, with or without the vendor.
        if called.strip_suffix(name).is_some_and(|vendor| vendor.is_empty() || vendor.ends_with('.')) {
            return NamedModel::Called;
        }
        let routing = self.resolve(model).routing();
        // A version or a date distinguishes two models of the catalogue. A variant does not: some catalogues list a model
        // both with and without it.
        let called_names = bare_names(called);
        let is_called = |name: &str| {
            let is_same =
                |called: &String| without_hyphens(without_variant(called)) == without_hyphens(without_variant(name));
            called_names.iter().any(is_same)
        };
        for name in bare_names(name) {
            if is_called(&name) {
                return NamedModel::Called;
            }
            let Some(ids) = self.models_with_bare_name(&name) else { continue };
            let ids = || ids.iter().map(|id| &**id);
            let has = |id: &str, routing| self.0.tables.iter().any(|table| table.has_routing(id, routing));
            let is_priced = |id: &&str| routing.is_some_and(|routing| has(id, routing));
            let id = ids().filter(is_priced).max().or(ids().max());
            return match id {
                Some(id) if id == called => NamedModel::Called,
                Some(id) => NamedModel::Other(id),
                None => NamedModel::Unknown,
            };
        }
        NamedModel::Unknown
    }

    /// Returns the family of the model that an answer names, or [`Family::Other`] if it is not in the catalogue.
    ///
    /// ```
    /// use outlay_price::{Family, Prices};
    ///
    /// assert_eq!(Prices::bundled().named_family("claude-sonnet-4-5"), Family::Anthropic);
    /// assert_eq!(Prices::bundled().named_family("our-own-name"), Family::Other);
    /// ```
    #[must_use]
    pub fn named_family(&self, name: &str) -> Family {
        let known = bare_names(name).into_iter().find_map(|name| self.models_with_bare_name(&name)?.first());
        known.map_or(Family::Other, |id| Family::of(id))
    }

    fn models_with_bare_name(&self, name: &str) -> Option<&[Box<str>]> {
        self.0
            .models_by_bare_name
            .get_or_init(|| self.index_bare_names())
            .get(&without_hyphens(name))
            .map(Vec::as_slice)
    }

    fn index_bare_names(&self) -> ModelsByBareName {
        let mut models = ModelsByBareName::new();
        for id in self.0.tables.iter().flat_map(|table| table.models()) {
            // Some names include the vendor: `deepseek-r1`.
            let with_vendor = |name: &String| id.split_once('.').map(|(vendor, _)| format!("{vendor}-{name}"));
            let names = bare_names(id);
            for name in names.iter().filter_map(with_vendor).chain(names.iter().cloned()) {
                let known = models.entry(without_hyphens(&name)).or_default();
                if known.iter().all(|known| **known != *id) {
                    known.push(id.into());
                }
            }
        }
        models
    }
}

/// Returns the same text for `llama-3-1-8b` and `llama3-1-8b`.
fn without_hyphens(name: &str) -> String {
    name.replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(called: &str, name: &str) -> String {
        format!("{:?}", Prices::bundled().named_model(ModelRef::parse(called).unwrap(), name))
    }

    #[test]
    fn versions_and_dates_distinguish_models_of_the_catalogue() {
        const V2: &str = "amazon.titan-embed-text-v2:0";
        for (called, name, expected) in [
            (V2, "titan-embed-text-v2", "Called"),
            (V2, "amazon.titan-embed-text-v2:0", "Called"),
            (V2, "amazon.titan-embed-text-v1", r#"Other("amazon.titan-embed-text-v1")"#),
            (V2, "titan-embed-text", "Called"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250930", "Called"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4.5", "Called"),
            ("openai.gpt-oss-120b-1:0", "gpt-oss-120b", "Called"),
            ("openai.gpt-oss-120b-1:0", "openai/gpt-oss-20b", r#"Other("openai.gpt-oss-20b-1:0")"#),
            ("openai.gpt-oss-120b-1:0", "gpt-oss:20b", r#"Other("openai.gpt-oss-20b-1:0")"#),
            ("openai.gpt-oss-120b-1:0", "gpt-oss:120b", "Called"),
            ("deepseek.v3.2", "deepseek-ai/DeepSeek-R1", r#"Other("deepseek.r1-v1:0")"#),
            ("deepseek.v3.2", "deepseek-v3.2", "Called"),
            (
                "us.meta.llama3-3-70b-instruct-v1:0",
                "meta-llama/Llama-3.1-8B-Instruct",
                r#"Other("meta.llama3-1-8b-instruct-v1:0")"#,
            ),
            ("us.meta.llama3-3-70b-instruct-v1:0", "meta-llama/Llama-3.3-70B-Instruct", "Called"),
            ("qwen.qwen3-next-80b-a3b", "Qwen/Qwen3-Next-80B-A3B-Instruct", "Called"),
            ("qwen.qwen3-coder-30b-a3b-v1:0", "qwen3-coder-30b", "Called"),
            ("meta.llama3-3-70b-instruct-v1:0", "llama3-1-70b", r#"Other("meta.llama3-1-70b-instruct-v1:0")"#),
            ("google.gemma-3-27b-it", "google/gemma-3-12b-it:free", r#"Other("google.gemma-3-12b-it")"#),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5", "Called"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929", "Called"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5:latest", "Called"),
        ] {
            assert_eq!(named(called, name), expected, "{called} answers as {name}");
        }
    }
}
