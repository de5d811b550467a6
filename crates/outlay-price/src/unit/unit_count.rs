use std::borrow::Cow;

use super::Unit;

/// The number of units that a call used, with the properties that determine their price.
///
/// ```
/// use outlay_price::{Unit, UnitCount};
///
/// let images = UnitCount::new(Unit::OutputImage, 2).with_side(1024).with_word("premium");
/// assert_eq!(images.thousandths(), 2_000);
/// let speech = UnitCount::of_thousandths(Unit::InputAudioSecond, 12_500);
/// assert_eq!(speech.unit(), Unit::InputAudioSecond);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitCount {
    unit: Unit,
    thousandths: u64,
    side: Option<u32>,
    steps: Option<u32>,
    word: Option<Cow<'static, str>>,
}

/// The units that a call used besides tokens.
///
/// An empty value means that the call used nothing else. It does not allocate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units(Vec<UnitCount>);

impl UnitCount {
    /// Creates a count of whole units. Saturating.
    pub const fn new(unit: Unit, count: u64) -> Self {
        Self::of_thousandths(unit, count.saturating_mul(1_000))
    }

    /// Creates a count in thousandths of a unit, such as for fractions of a second.
    pub const fn of_thousandths(unit: Unit, thousandths: u64) -> Self {
        Self { unit, thousandths, side: None, steps: None, word: None }
    }

    /// Sets the longer side of the image, in pixels.
    #[must_use]
    pub const fn with_side(mut self, pixels: u32) -> Self {
        self.side = Some(pixels);
        self
    }

    /// Sets the number of generation steps.
    #[must_use]
    pub const fn with_steps(mut self, steps: u32) -> Self {
        self.steps = Some(steps);
        self
    }

    /// Sets the quality, resolution or guardrail policy, as a word used on the wire.
    #[must_use]
    pub fn with_word(mut self, word: impl Into<Cow<'static, str>>) -> Self {
        self.word = Some(word.into());
        self
    }

    /// Returns a count of whole units with the same properties. Saturating.
    #[must_use]
    pub fn with_count(&self, count: u64) -> Self {
        Self { thousandths: count.saturating_mul(1_000), ..self.clone() }
    }

    /// Returns the unit.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns the count in thousandths.
    pub const fn thousandths(&self) -> u64 {
        self.thousandths
    }

    /// Returns the longer side of the image, in pixels.
    pub const fn side(&self) -> Option<u32> {
        self.side
    }

    /// Returns the number of generation steps.
    pub const fn steps(&self) -> Option<u32> {
        self.steps
    }

    /// Returns the quality, resolution or guardrail policy.
    pub fn word(&self) -> Option<&str> {
        self.word.as_deref()
    }

    fn has_same_properties(&self, other: &Self) -> bool {
        (self.unit, self.side, self.steps, &self.word) == (other.unit, other.side, other.steps, &other.word)
    }
}

impl Units {
    /// Creates an empty value.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a count. Counts of the same unit with the same properties are summed up. Saturating.
    pub fn add(&mut self, count: UnitCount) {
        if count.thousandths == 0 {
            return;
        }
        match self.0.iter_mut().find(|own| own.has_same_properties(&count)) {
            Some(own) => own.thousandths = own.thousandths.saturating_add(count.thousandths),
            None => self.0.push(count),
        }
    }

    /// Returns whether no units were used.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the counts, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &UnitCount> {
        self.0.iter()
    }
}

impl FromIterator<UnitCount> for Units {
    fn from_iter<I: IntoIterator<Item = UnitCount>>(counts: I) -> Self {
        let mut units = Self::new();
        units.extend(counts);
        units
    }
}

impl Extend<UnitCount> for Units {
    fn extend<I: IntoIterator<Item = UnitCount>>(&mut self, counts: I) {
        counts.into_iter().for_each(|count| self.add(count));
    }
}

impl From<UnitCount> for Units {
    fn from(count: UnitCount) -> Self {
        Self::from_iter([count])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_with_the_same_properties_are_summed_up() {
        let policy = |count| UnitCount::new(Unit::GuardrailUnit, count).with_word("topicPolicyUnits");
        let units: Units = [policy(1), policy(2), UnitCount::new(Unit::Query, 1), UnitCount::new(Unit::InputImage, 0)]
            .into_iter()
            .collect();
        let counts: Vec<_> = units.iter().map(|count| (count.unit(), count.thousandths())).collect();
        assert_eq!(counts, [(Unit::GuardrailUnit, 3_000), (Unit::Query, 1_000)]);
    }

    #[test]
    fn counts_saturate() {
        let mut units = Units::from(UnitCount::new(Unit::Query, u64::MAX));
        units.add(UnitCount::new(Unit::Query, 1));
        assert_eq!(units.iter().next().unwrap().thousandths(), u64::MAX);
    }
}
