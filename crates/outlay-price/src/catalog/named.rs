//! Which model an answer names.

use hashbrown::HashMap;

use super::Prices;
use crate::ModelRef;
use crate::model::bare_name;

/// Models by what is left of their ids without vendor, geography, date and revision.
pub(super) type ByBareName = HashMap<String, Box<str>>;

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
    pub fn named_model(&self, called: ModelRef<'_>, name: &str) -> NamedModel<'_> {
        let Some(called) = self.resolve(called).base_id() else { return NamedModel::Unknown };
        // Nearly every answer has one of these two.
        if called.strip_suffix(name).is_some_and(|vendor| vendor.is_empty() || vendor.ends_with('.')) {
            return NamedModel::Called;
        }
        let name = bare_name(name);
        if name == bare_name(called) {
            return NamedModel::Called;
        }
        let known = self.0.by_bare_name.get_or_init(|| self.by_bare_name());
        known.get(&name).map_or(NamedModel::Unknown, |id| NamedModel::Other(id))
    }

    fn by_bare_name(&self) -> ByBareName {
        let mut models = ByBareName::new();
        for price in self.rows() {
            let id = price.model();
            // Of several revisions the last.
            let known = models.entry(bare_name(id)).or_insert_with(|| id.into());
            if **known < *id {
                *known = id.into();
            }
        }
        models
    }
}
