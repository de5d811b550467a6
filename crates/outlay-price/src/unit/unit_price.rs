use std::fmt;

use super::{Unit, UnitCount};
use crate::Usd;
use crate::decimal::{Decimal, DecimalError};

/// The price of a unit, optionally for a size, quality or policy.
///
/// `Display` writes the form of the bundled table: `output_image[side<=1024,premium]=0.06`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPrice {
    unit: Unit,
    conditions: Conditions,
    price: Usd,
}

/// The conditions under which a price applies to a count.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// The maximum length of a side, in pixels.
    pub side: Option<u32>,
    /// The maximum number of generation steps.
    pub steps: Option<u32>,
    /// The quality, resolution or policy.
    pub word: Option<Box<str>>,
}

/// The error for a text that is not the price of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitPriceError {
    /// The unit is unknown.
    Unit(super::ParseUnitError),
    /// The conditions are invalid.
    Conditions,
    /// The amount is invalid.
    Amount(DecimalError),
}

impl UnitPrice {
    const BILLION: i128 = 1_000_000_000;
    /// The number of pico-dollars in a billionth of a dollar.
    const PICOS: i128 = 1_000;

    /// Parses a text such as `output_image[side<=1024,premium]=0.06`.
    pub(crate) fn parse(text: &str) -> Result<Self, UnitPriceError> {
        let (name, amount) = text.rsplit_once('=').ok_or(UnitPriceError::Conditions)?;
        Self::parse_parts(name, amount)
    }

    /// Parses a name such as `output_image[side<=1024,premium]` and an amount such as `0.06`.
    #[doc(hidden)]
    pub fn parse_parts(name: &str, amount: &str) -> Result<Self, UnitPriceError> {
        let (word, conditions) = match name.strip_suffix(']') {
            Some(name) => {
                let (word, conditions) = name.split_once('[').ok_or(UnitPriceError::Conditions)?;
                (word, Conditions::parse(conditions)?)
            }
            None => (name, Conditions::default()),
        };
        let unit = word.parse().map_err(UnitPriceError::Unit)?;
        Ok(Self { unit, conditions, price: Self::amount(amount).map_err(UnitPriceError::Amount)? })
    }

    /// Returns the unit.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns the unit and conditions as in price files, such as `output_image[side<=1024,premium]`.
    #[doc(hidden)]
    pub fn name(&self) -> String {
        match &self.conditions {
            conditions if *conditions == Conditions::default() => self.unit.to_string(),
            conditions => format!("{}[{conditions}]", self.unit),
        }
    }

    /// Returns the maximum length of a side, in pixels, for which the price applies.
    pub const fn side_limit(&self) -> Option<u32> {
        self.conditions.side
    }

    /// Returns the maximum number of generation steps for which the price applies.
    pub const fn steps_limit(&self) -> Option<u32> {
        self.conditions.steps
    }

    /// Returns the quality, resolution or guardrail policy for which the price applies.
    pub fn word(&self) -> Option<&str> {
        self.conditions.word.as_deref()
    }

    /// Returns the price in US dollars per unit.
    pub const fn price(&self) -> Usd {
        self.price
    }

    /// Parses the price of a unit: dollars with at most nine decimals, so that a thousandth of it is a whole number of
    /// pico-dollars.
    #[doc(hidden)]
    pub fn amount(text: &str) -> Result<Usd, DecimalError> {
        Self::amount_for(text, 0)
    }

    /// Like [`amount`](Self::amount), but the text is the price of 10^`zeros` units, with `zeros` at most 9.
    #[doc(hidden)]
    pub fn amount_for(text: &str, zeros: u32) -> Result<Usd, DecimalError> {
        let most = 1_000_000 * Self::BILLION;
        match Decimal::parse(text)?.scaled(9_u32.saturating_sub(zeros))? {
            n if n < 0 => Err(DecimalError::BadByte(0)),
            n if n <= most => Ok(Usd::from_picos(n * Self::PICOS)),
            _ => Err(DecimalError::TooLarge),
        }
    }

    /// Returns the price in billionths of a dollar, which is always a whole number.
    pub(crate) const fn billionths(&self) -> i128 {
        self.price.picos() / Self::PICOS
    }

    pub(crate) fn with_billionths(&self, billionths: i128) -> Self {
        Self { price: Usd::from_picos(billionths * Self::PICOS), ..self.clone() }
    }

    /// Returns whether the price applies to a count.
    pub(crate) fn applies_to(&self, count: &UnitCount) -> bool {
        let Conditions { side, steps, word } = &self.conditions;
        let within =
            |limit: &Option<u32>, value: Option<u32>| limit.is_none_or(|most| value.is_some_and(|v| v <= most));
        self.unit == count.unit()
            && within(side, count.side())
            && within(steps, count.steps())
            && word.as_deref().is_none_or(|word| count.word() == Some(word))
    }

    /// Returns whether both prices have the same unit and conditions.
    #[doc(hidden)]
    pub fn is_of_same(&self, other: &Self) -> bool {
        (self.unit, &self.conditions) == (other.unit, &other.conditions)
    }

    /// Returns the cost of a count in thousandths. No count exceeds the range of [`Usd`].
    pub(crate) fn times(&self, thousandths: u64) -> Usd {
        Usd::from_picos(self.price.picos() / 1_000 * i128::from(thousandths))
    }

    /// Returns the sort key that puts narrower prices of a unit before wider ones.
    pub(crate) fn order(&self) -> impl Ord + use<> {
        let last = |limit: Option<u32>| limit.unwrap_or(u32::MAX);
        let Conditions { side, steps, word } = &self.conditions;
        (self.unit, word.is_none(), last(*side), last(*steps), word.clone())
    }
}

impl UnitPrice {
    /// Creates a price, for importers.
    #[doc(hidden)]
    pub const fn new(unit: Unit, conditions: Conditions, price: Usd) -> Self {
        Self { unit, conditions, price }
    }
}

impl Conditions {
    /// Parses a list such as `side<=1024,steps<=50,premium`.
    fn parse(text: &str) -> Result<Self, UnitPriceError> {
        let mut conditions = Self::default();
        for part in text.split(',') {
            let number = |digits: &str| digits.parse().map(Some).map_err(|_| UnitPriceError::Conditions);
            if let Some(digits) = part.strip_prefix("side<=") {
                conditions.side = number(digits)?;
            } else if let Some(digits) = part.strip_prefix("steps<=") {
                conditions.steps = number(digits)?;
            } else if conditions.word.is_none() && is_word(part) {
                conditions.word = Some(part.into());
            } else {
                return Err(UnitPriceError::Conditions);
            }
        }
        Ok(conditions)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.side.map(|side| format!("side<={side}"));
        let steps = self.steps.map(|steps| format!("steps<={steps}"));
        let parts: Vec<&str> =
            [side.as_deref(), steps.as_deref(), self.word.as_deref()].into_iter().flatten().collect();
        f.write_str(&parts.join(","))
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name(), self.price.to_decimal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> UnitPrice {
        UnitPrice::parse(text).unwrap()
    }

    #[test]
    fn texts_round_trip() {
        for text in [
            "query=0.002",
            "output_image[side<=1024,premium]=0.06",
            "output_image[side<=512,steps<=50]=0.018",
            "guardrail_unit[topicPolicyUnits]=0.00015",
        ] {
            assert_eq!(price(text).to_string(), text);
        }
    }

    #[test]
    fn invalid_prices_are_rejected() {
        for text in [
            "query",
            "query=",
            "query=-1",
            "query=0.0000000001",
            "furlong=1",
            "output_image[=1",
            "output_image[]=1",
            "output_image[a,b]=1",
            "output_image[side<=x]=1",
            "query=1000001",
        ] {
            assert!(UnitPrice::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_price_applies_to_counts_that_meet_its_conditions() {
        let small = price("output_image[side<=1024,premium]=0.06");
        let image = UnitCount::new(Unit::OutputImage, 1);
        assert!(small.applies_to(&image.clone().with_side(1024).with_word("premium")));
        assert!(!small.applies_to(&image.clone().with_side(1025).with_word("premium")));
        assert!(!small.applies_to(&image.clone().with_side(512)), "unknown quality");
        assert!(!small.applies_to(&image.clone().with_word("premium")), "unknown size");
        assert!(price("output_image=0.04").applies_to(&image.with_word("premium")));
    }

    #[test]
    fn a_thousandth_of_a_unit_has_an_exact_cost() {
        assert_eq!(price("input_audio_second=0.00014").times(12_345), "0.0017283".parse().unwrap());
        assert_eq!(price("query=0.000000001").times(1).picos(), 1);
        assert!(price("query=1000000").times(u64::MAX) > Usd::ZERO);
    }
}
