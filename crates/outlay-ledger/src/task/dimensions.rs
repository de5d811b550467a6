use std::sync::Arc;

/// The maximum number of characters in a value, which is what AWS allows in request metadata.
const MAX_VALUE: usize = 256;
/// The maximum number of custom dimensions of a task.
const MAX_CUSTOM: usize = 32;
/// The maximum number of characters in a custom key. The key becomes the end of an attribute's name.
const MAX_KEY: usize = 64;

/// A dimension that the library defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dimension {
    /// The team responsible for the spend.
    Team,
    /// The product that the spend is for.
    Product,
    /// The cost center that the spend is charged to.
    CostCenter,
    /// The person or role responsible for the task.
    Owner,
    /// `production`, `staging`, `sandbox`, ...
    Environment,
    /// The segment of customers served: `enterprise`, `free`, ...
    CustomerSegment,
    /// The workflow that the task is part of.
    Workflow,
}

impl Dimension {
    /// All dimensions, in display order.
    pub const ALL: [Self; 7] = [
        Self::Team,
        Self::Product,
        Self::CostCenter,
        Self::Owner,
        Self::Environment,
        Self::CustomerSegment,
        Self::Workflow,
    ];

    /// Returns the dimension's name, as in `outlay.{name}`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Product => "product",
            Self::CostCenter => "cost_center",
            Self::Owner => "owner",
            Self::Environment => "environment",
            Self::CustomerSegment => "customer_segment",
            Self::Workflow => "workflow",
        }
    }

    /// Returns the dimension with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == name)
    }
}

/// The dimensions of a task: the known ones and custom ones.
///
/// Values are trimmed, stripped of control characters and cut to 256 characters; an empty value is ignored. At most 32
/// custom dimensions are kept. Their keys are cut to 64 characters, and any character other than an ASCII letter or
/// digit, `_`, `-` or `.` becomes `_`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dimensions {
    known: [Option<Arc<str>>; Dimension::ALL.len()],
    custom: Vec<(Arc<str>, Arc<str>)>,
}

impl Dimensions {
    /// Sets a known dimension. A later value replaces an earlier one.
    pub fn set(&mut self, dimension: Dimension, value: &str) {
        if let Some(value) = clean(value) {
            self.known[dimension as usize] = Some(value);
        }
    }

    /// Sets the known dimension with this name, or else a custom one. A later value replaces an earlier one.
    pub fn set_named(&mut self, name: &str, value: &str) {
        match Dimension::from_name(name.trim()) {
            Some(dimension) => self.set(dimension, value),
            None => self.set_custom(name, value),
        }
    }

    /// Sets a custom dimension. A later value replaces an earlier one.
    pub fn set_custom(&mut self, key: &str, value: &str) {
        let (Some(key), Some(value)) = (clean_key(key), clean(value)) else { return };
        if let Some((_, old)) = self.custom.iter_mut().find(|(k, _)| *k == key) {
            *old = value;
        } else if self.custom.len() < MAX_CUSTOM {
            self.custom.push((key, value));
        }
    }

    /// Returns the value of a known dimension, if it is set.
    pub fn value(&self, dimension: Dimension) -> Option<&Arc<str>> {
        self.known[dimension as usize].as_ref()
    }

    /// Returns the value of the known dimension with this name, or else of a custom one.
    pub fn named(&self, name: &str) -> Option<&Arc<str>> {
        match Dimension::from_name(name) {
            Some(dimension) => self.value(dimension),
            None => self.own(name),
        }
    }

    /// Returns the value of a custom dimension.
    pub fn own(&self, key: &str) -> Option<&Arc<str>> {
        self.custom.iter().find(|(own, _)| **own == *key).map(|(_, value)| value)
    }

    /// Returns the known dimensions that are set, in display order.
    pub fn known(&self) -> impl Iterator<Item = (Dimension, &Arc<str>)> {
        Dimension::ALL.into_iter().filter_map(|d| self.value(d).map(|v| (d, v)))
    }

    /// Returns the custom dimensions, in the order in which they were first set.
    pub fn custom(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.custom.iter().map(|(k, v)| (k, v))
    }

    /// Returns these dimensions, with those of `outer` for the ones that are not set.
    #[must_use]
    pub fn or(mut self, outer: &Self) -> Self {
        for (own, outer) in self.known.iter_mut().zip(&outer.known) {
            if own.is_none() {
                own.clone_from(outer);
            }
        }
        for (key, value) in &outer.custom {
            if self.custom.iter().all(|(k, _)| k != key) && self.custom.len() < MAX_CUSTOM {
                self.custom.push((key.clone(), value.clone()));
            }
        }
        self
    }
}

pub(crate) fn clean(text: &str) -> Option<Arc<str>> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_VALUE).collect();
    (!text.is_empty()).then(|| Arc::from(text))
}

pub(crate) fn clean_key(key: &str) -> Option<Arc<str>> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let key: String = key.trim().chars().map(allowed).take(MAX_KEY).collect();
    (!key.is_empty()).then(|| Arc::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_task_keeps_its_own_dimensions_and_inherits_the_rest() {
        let mut outer = Dimensions::default();
        outer.set(Dimension::Team, "support");
        outer.set(Dimension::Environment, "production");
        outer.set_custom("tenant", "acme");
        let mut inner = Dimensions::default();
        inner.set(Dimension::Team, "search");
        let both = inner.or(&outer);
        let known: Vec<_> = both.known().map(|(d, v)| (d.as_str(), &**v)).collect();
        assert_eq!(known, [("team", "search"), ("environment", "production")]);
        assert_eq!(both.custom().count(), 1);
    }

    #[test]
    fn a_name_selects_the_known_dimension_if_there_is_one() {
        let mut d = Dimensions::default();
        d.set_named("cost_center", "cc-1");
        d.set_named("tenant", "acme");
        d.set_named("Grüße an/alle", "x");
        assert_eq!(d.value(Dimension::CostCenter).map(|v| &**v), Some("cc-1"));
        assert_eq!(d.named("tenant").map(|v| &**v), Some("acme"));
        assert_eq!(d.named("cost_center").map(|v| &**v), Some("cc-1"));
        let keys: Vec<_> = d.custom().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["tenant", "Gr__e_an_alle"]);
        assert_eq!(d.named("team"), None);
    }

    #[test]
    fn a_hostile_value_is_bounded() {
        let mut d = Dimensions::default();
        d.set(Dimension::Team, &format!("a\n\0{}", "b".repeat(1_000)));
        assert_eq!(d.value(Dimension::Team).map(|v| v.len()), Some(256));
        d.set(Dimension::Owner, " \t ");
        assert_eq!(d.value(Dimension::Owner), None);
        for i in 0..100 {
            d.set_custom(&i.to_string(), "x");
        }
        assert_eq!(d.custom().count(), 32);
    }
}
