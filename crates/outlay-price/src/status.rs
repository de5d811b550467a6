use std::fmt;

/// How sure an amount is; the order is from the surest to the weakest.
///
/// Exhaustive on purpose: who splits a total by status must say where each one goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostStatus {
    /// Counts that AWS reported, at a known price.
    #[default]
    Exact,
    /// Counts that were derived, at a known price.
    Estimated,
    /// At most this much.
    Bounded,
    /// Some part has no known count or price: the amount is what is known, never the whole.
    Unpriced,
}

impl CostStatus {
    /// The word used on spans and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
            Self::Bounded => "bounded",
            Self::Unpriced => "unpriced",
        }
    }

    /// The less sure of the two: what a sum of both is.
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
    fn a_sum_is_as_sure_as_its_weakest_part() {
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
