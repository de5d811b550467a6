use std::fmt;

/// How certain an amount is, ordered from the strongest to the weakest.
///
/// Exhaustive on purpose, so that code that splits a total by status must handle every status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostStatus {
    /// Counts that AWS reported, at a known price.
    #[default]
    Exact,
    /// Derived counts, or a price that is an estimate.
    Estimated,
    /// An upper bound.
    Bounded,
    /// Some part has no known count or price. The amount only covers the known part.
    Unpriced,
}

impl CostStatus {
    /// Returns the word used on spans and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
            Self::Bounded => "bounded",
            Self::Unpriced => "unpriced",
        }
    }

    /// Returns the status with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Exact, Self::Estimated, Self::Bounded, Self::Unpriced].into_iter().find(|status| status.as_str() == name)
    }

    /// Returns the weaker of the two, which is the status of a sum of both.
    #[must_use]
    pub const fn weakest(self, other: Self) -> Self {
        if self as u8 >= other as u8 { self } else { other }
    }
}

impl fmt::Display for CostStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_has_the_status_of_its_weakest_part() {
        use CostStatus::{Bounded, Estimated, Exact, Unpriced};
        let order = [Exact, Estimated, Bounded, Unpriced];
        assert!(order.is_sorted());
        for (i, &a) in order.iter().enumerate() {
            for (j, &b) in order.iter().enumerate() {
                assert_eq!(a.weakest(b), order[i.max(j)]);
            }
        }
    }
}
