//! Counts, tokens and times as readable text.

use std::time::Duration;

/// The smallest count shown in millions, so that no column is wider than nine digits and commas.
const MIN_MILLIONS: u64 = 100_000_000;

/// Formats a token count as `1,234,567`, or `123.4M` from 100 million on.
pub(super) fn tokens(count: u64) -> String {
    if count < MIN_MILLIONS {
        return grouped(count);
    }
    let units = [(1_000_000_000_000, 'T'), (1_000_000_000, 'G'), (1_000_000, 'M')];
    // At least a thousand units, so that enough digits are left.
    let (unit, name) = units.into_iter().find(|(unit, _)| count / unit >= 1_000).unwrap_or(units[2]);
    format!("{}.{}{name}", grouped(count / unit), count % unit / (unit / 10))
}

/// Formats a number as `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count and its noun as `1 call` or `2 calls`.
pub(super) fn count(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(count))
}

/// Formats a duration as `45ms`, `8.4s`, `3m12s` or `1h04m`. `gap` goes between a single number and its unit.
pub(super) fn time(duration: Duration, gap: &str) -> String {
    let millis = duration.as_millis();
    let tenths = (millis + 50) / 100;
    let seconds = duration.as_secs();
    match tenths {
        0 if millis == 0 && !duration.is_zero() => format!("<1{gap}ms"),
        0 if millis > 0 => format!("{millis}{gap}ms"),
        ..600 => format!("{}.{}{gap}s", tenths / 10, tenths % 10),
        _ if seconds < 3_600 => format!("{}m{:02}s", seconds.max(60) / 60, seconds.max(60) % 60),
        _ => format!("{}h{:02}m", grouped(seconds / 3_600), seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_counts_are_short() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (24_435, "24,435"),
            (99_999_999, "99,999,999"),
            (123_456_789, "123.4M"),
            (5_000_000_000_000, "5,000.0G"),
            (u64::MAX, "18,446,744.0T"),
        ] {
            assert_eq!(tokens(count), text);
        }
    }

    #[test]
    fn times_have_few_digits() {
        for (millis, text) in [
            (0, "0.0s"),
            (12, "12ms"),
            (49, "49ms"),
            (50, "0.1s"),
            (8_449, "8.4s"),
            (59_940, "59.9s"),
            (59_990, "1m00s"),
            (192_000, "3m12s"),
            (3_599_999, "59m59s"),
            (3_840_000, "1h04m"),
        ] {
            assert_eq!(time(Duration::from_millis(millis), ""), text);
        }
        assert_eq!(time(Duration::from_nanos(1), ""), "<1ms");
        assert_eq!(time(Duration::from_millis(8_400), " "), "8.4 s");
        assert_eq!(time(Duration::MAX, ""), "5,124,095,576,030,431h00m");
    }
}
