//! The `usage` of each requested answer, which some models report in `choices`.

use std::borrow::Cow;

use super::members::{Member, Members};

/// The usage of each answer, by its index.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices(pub(super) Vec<(u64, Members)>);

impl Choices {
    /// Takes in a later chunk.
    pub(super) fn merge(&mut self, later: Self) {
        for (index, later) in later.0 {
            match self.0.iter_mut().find(|(own, _)| *own == index) {
                Some((_, own)) => own.merge(&later),
                None => self.0.push((index, later)),
            }
        }
    }

    /// Returns the usage of all answers. `outer` is the usage outside of the choices.
    pub(super) fn with<'a>(&self, outer: &'a Members) -> Cow<'a, Members> {
        let Some(mut all) = self.sum() else { return Cow::Borrowed(outer) };
        let answers = self.0.len();
        if answers > 1 && outer.get(Member::Output).unwrap_or(0) == 0 {
            all.doubts.add(|| format!("usage is reported for each of {answers} answers, but not for the whole"));
        }
        all.merge_place(outer);
        Cow::Owned(all)
    }

    /// Returns the sum. All answers share one prompt, and each has its own output.
    fn sum(&self) -> Option<Members> {
        let ((_, first), others) = self.0.split_first()?;
        let mut all = first.clone();
        for (_, other) in others {
            let sum = |member| match (all.get(member), other.get(member)) {
                (Some(own), Some(other)) => Some(own.saturating_add(other)),
                (own, other) => own.or(other),
            };
            let (output, reasoning) = (sum(Member::Output), sum(Member::Reasoning));
            let other = other.clone().with(Member::Output, None).with(Member::Reasoning, None);
            all = all.with(Member::Output, None).with(Member::Reasoning, None).with(Member::Total, None);
            all.merge_place(&other.with(Member::Total, None));
            all = all.with(Member::Output, output).with(Member::Reasoning, reasoning);
        }
        Some(all)
    }
}
