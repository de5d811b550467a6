//! Amounts and shares as whole numbers that add up.

use std::cmp::Reverse;

use outlay_price::Usd;

/// The smallest amount shown, in pico-dollars.
const MICRO: i128 = 1_000_000;

/// An amount in micro-dollars, rounded so that it adds up with the amounts beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RoundedUsd {
    micros: i128,
    /// Whether the exact amount is not zero.
    is_nonzero: bool,
}

impl RoundedUsd {
    /// Rounds an amount on its own, half to even, like `Usd`.
    pub(super) const fn new(amount: Usd) -> Self {
        let (floor, rest) = (amount.picos().div_euclid(MICRO), amount.picos().rem_euclid(MICRO));
        let up = rest * 2 > MICRO || (rest * 2 == MICRO && floor % 2 != 0);
        Self::from_micros(if up { floor + 1 } else { floor }, amount)
    }

    /// Returns the parts of this amount, rounded so that they add up to it.
    pub(super) fn split(self, parts: &[Usd]) -> Vec<Self> {
        let picos: Vec<i128> = parts.iter().map(|part| part.picos()).collect();
        let micros = apportion(self.micros, &picos, MICRO);
        micros.into_iter().zip(parts).map(|(micros, part)| Self::from_micros(micros, *part)).collect()
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros), is_nonzero: self.is_nonzero || other.is_nonzero }
    }

    const fn from_micros(micros: i128, amount: Usd) -> Self {
        Self { micros, is_nonzero: !amount.is_zero() }
    }

    /// Returns whether the amount is not zero but rounds to zero.
    pub(super) const fn is_tiny(self) -> bool {
        self.micros == 0 && self.is_nonzero
    }

    /// Returns `0.004210`, or `$0.004210` with the currency `$`.
    pub(super) fn text(self, currency: &str) -> String {
        let (sign, micros) = match self.micros {
            0 if self.is_nonzero => ("<", 1),
            micros if micros < 0 => ("-", micros.unsigned_abs()),
            micros => ("", micros.unsigned_abs()),
        };
        format!("{sign}{currency}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }

    /// Returns the text with a `$`, or `$0` for zero.
    pub(super) fn brief(self) -> String {
        if self == Self::default() { "$0".to_owned() } else { self.text("$") }
    }
}

/// A share of a whole, in hundredths or thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    count: i128,
    scale: Scale,
    is_nonzero: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Percent,
    PerMille,
}

impl Scale {
    const fn whole(self) -> i128 {
        match self {
            Self::Percent => 100,
            Self::PerMille => 1_000,
        }
    }
}

impl Share {
    /// Returns a share of 100%.
    pub(super) const fn whole(scale: Scale) -> Self {
        Self { count: scale.whole(), scale, is_nonzero: true }
    }

    /// Returns the shares of `parts`, which add up to this share of `total`.
    pub(super) fn split(self, parts: &[Usd], total: Usd) -> Vec<Self> {
        let scale = self.scale;
        let scaled: Vec<i128> = parts.iter().map(|p| p.picos().saturating_mul(scale.whole())).collect();
        let counts = apportion(self.count, &scaled, total.picos().max(1));
        let share = |(count, part): (i128, &Usd)| Self { count, scale, is_nonzero: !part.is_zero() };
        counts.into_iter().zip(parts).map(share).collect()
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { count: self.count.saturating_add(other.count), is_nonzero: self.is_nonzero || other.is_nonzero, ..self }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self { count: self.count.saturating_sub(other.count), ..self }
    }

    pub(super) fn text(self) -> String {
        let tiny = self.count == 0 && self.is_nonzero;
        match self.scale {
            Scale::Percent if tiny => "<1%".to_owned(),
            Scale::Percent => format!("{}%", self.count),
            Scale::PerMille if tiny => "<0.1%".to_owned(),
            Scale::PerMille if self.count == Scale::PerMille.whole() => "100%".to_owned(),
            Scale::PerMille => {
                let (sign, count) = if self.count < 0 { ("-", -self.count) } else { ("", self.count) };
                format!("{sign}{}.{}%", count / 10, count % 10)
            }
        }
    }
}

/// Returns a limit as text, with two decimals or as many as it needs.
pub(super) fn limit(amount: Usd) -> String {
    let text = format!("{amount:#}");
    let shortest = text.find('.').map_or(text.len(), |point| point + 3);
    let end = text.trim_end_matches('0').len().max(shortest);
    text[..end].to_owned()
}

/// Rounds each value to whole units by largest remainder, so that they add up to `whole`.
///
/// `whole` is the sum in units, rounded up or down. Values that do not add up to it are rounded down.
fn apportion(whole: i128, values: &[i128], unit: i128) -> Vec<i128> {
    let mut counts: Vec<i128> = values.iter().map(|v| v.div_euclid(unit)).collect();
    let missing = whole.saturating_sub(counts.iter().fold(0, |sum: i128, c| sum.saturating_add(*c)));
    let remainder = |i: usize| values[i].rem_euclid(unit);
    let mut order: Vec<usize> = (0..values.len()).filter(|i| remainder(*i) > 0).collect();
    order.sort_by_key(|i| Reverse(remainder(*i)));
    for i in order.into_iter().take(usize::try_from(missing).unwrap_or(0)) {
        counts[i] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(shown: &[RoundedUsd]) -> Vec<String> {
        shown.iter().map(|s| s.text("")).collect()
    }

    #[test]
    fn rounded_parts_add_up_to_the_rounded_whole() {
        let third = Usd::from_picos(333_333);
        let whole = RoundedUsd::new(Usd::from_picos(999_999));
        assert_eq!(whole.text("$"), "$0.000001");
        assert_eq!(micros(&whole.split(&[third; 3])), ["0.000001", "<0.000001", "<0.000001"]);
    }

    #[test]
    fn an_amount_above_zero_is_never_shown_as_zero() {
        assert_eq!(RoundedUsd::new(Usd::from_picos(1)).text("$"), "<$0.000001");
        assert_eq!(RoundedUsd::new(Usd::ZERO).text("$"), "$0.000000");
        assert_eq!(RoundedUsd::new(Usd::ZERO).brief(), "$0");
        assert_eq!(RoundedUsd::new(Usd::from_micros(-1_500_000)).text("$"), "-$1.500000");
        let total = Usd::from_dollars(1);
        let shares = Share::whole(Scale::Percent).split(&[total, Usd::from_picos(1), Usd::ZERO], total);
        let shares: Vec<_> = shares.into_iter().map(Share::text).collect();
        assert_eq!(shares, ["100%", "<1%", "0%"]);
    }

    #[test]
    fn apportion_accepts_a_whole_that_is_not_the_sum() {
        assert_eq!(apportion(100, &[5, 5], 10), [1, 1]);
        assert_eq!(apportion(-100, &[5, 5], 10), [0, 0]);
        assert_eq!(apportion(i128::MAX, &[i128::MIN, i128::MAX], 1), [i128::MIN, i128::MAX]);
    }

    #[test]
    fn a_limit_has_only_the_decimals_it_needs() {
        assert_eq!(limit(Usd::from_cents(50)), "$0.50");
        assert_eq!(limit(Usd::from_micros(1_234_500)), "$1.2345");
        assert_eq!(limit(Usd::from_dollars(20)), "$20.00");
        assert_eq!(limit(Usd::from_picos(1)), "$0.000000000001");
    }
}
