//! Which model an answer names.

use hashbrown::HashMap;

use super::Prices;
use crate::model::{bare_names, without_variant};
use crate::{Family, ModelRef};

/// Models by what is left of their ids, with less and less of them.
pub(super) type ModelsByBareName = HashMap<String, Vec<Box<str>>>;

/// What the name of a model in an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "these are all the cases that there are")]
pub enum NamedModel<'a> {
    /// It is the model that was called.
    Called,
    /// It is another one of the catalogue, of this id without geo prefix.
    Other(&'a str),
    /// The catalogue has no such model, or nobody can say which model was called.
    Unknown,
}

impl Prices {
    /// Returns what the name of a model in an answer says of the model that was called.
    ///
    /// Answers write a model's name in many ways, so that vendor, geography, date and revision do not count. Nobody can say
    /// what was called where it is a profile that no price file maps.
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
        // Nearly every answer has one of these two.
        if called.strip_suffix(name).is_some_and(|vendor| vendor.is_empty() || vendor.ends_with('.')) {
            return NamedModel::Called;
        }
        let routing = self.resolve(model).routing();
        // A version or a date tells models apart where the catalogue has both; a variant does not, as some catalogues have a
        // model with it and without it.
        let names_of_called = bare_names(called);
        let is_called = |name: &str| {
            let is_same =
                |called: &String| without_hyphens(without_variant(called)) == without_hyphens(without_variant(name));
            names_of_called.iter().any(is_same)
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

    /// Returns the family of the model that an answer names, which is [`Family::Other`] where the catalogue has none.
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
            // Some names have the vendor in them: `deepseek-r1`.
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

/// The same for `llama-3.1-8b` and `llama3-1-8b`.
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
    fn a_version_or_date_tells_models_apart_that_the_catalogue_has() {
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
