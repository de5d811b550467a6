//! Which model an answer names.

use hashbrown::HashMap;

use super::Prices;
use crate::model::bare_names;
use crate::{Family, ModelRef};

/// Models by what is left of their ids, with less and less of them.
pub(super) type ByBareName = HashMap<String, Vec<Box<str>>>;

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
        // A version or a date tells models apart where the catalogue has both.
        let names_of_called = bare_names(called);
        for name in bare_names(name) {
            if names_of_called.contains(&name) {
                return NamedModel::Called;
            }
            let Some(ids) = self.of_bare_name(&name) else { continue };
            let ids = || ids.iter().map(|id| &**id);
            let is_priced = |id: &&str| self.rows().any(|row| row.model() == *id && Some(row.routing()) == routing);
            let id = ids().filter(is_priced).max().or(ids().max());
            return id.map_or(NamedModel::Unknown, NamedModel::Other);
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
        let known = bare_names(name).into_iter().find_map(|name| self.of_bare_name(&name)?.first());
        known.map_or(Family::Other, |id| Family::of(id))
    }

    fn of_bare_name(&self, name: &str) -> Option<&[Box<str>]> {
        self.0.by_bare_name.get_or_init(|| self.by_bare_name()).get(name).map(Vec::as_slice)
    }

    fn by_bare_name(&self) -> ByBareName {
        let mut models = ByBareName::new();
        for price in self.rows() {
            let id = price.model();
            for name in bare_names(id) {
                let known = models.entry(name).or_default();
                if known.iter().all(|known| **known != *id) {
                    known.push(id.into());
                }
            }
        }
        models
    }
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
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5", "Called"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929", "Called"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5:latest", "Called"),
        ] {
            assert_eq!(named(called, name), expected, "{called} answers as {name}");
        }
    }
}
