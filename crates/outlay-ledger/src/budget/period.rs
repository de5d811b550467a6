use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The period after which a budget starts at zero. Periods begin on the hour or at midnight, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Period {
    /// Every hour.
    Hour,
    /// Every day.
    Day,
    /// Every calendar month.
    Month,
}

/// The error for an unknown name of a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown period `{word}`: expected one of hour, day, month")]
pub struct ParsePeriodError {
    word: String,
}

impl Period {
    /// Returns the name in policy files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Returns the number of the period that a time is in.
    pub(crate) fn number(self, at: SystemTime) -> i64 {
        // A time outside the calendar is in a separate period.
        let Ok(at) = Timestamp::try_from(at) else { return i64::MAX };
        match self {
            Self::Hour => at.as_second().div_euclid(3_600),
            Self::Day => at.as_second().div_euclid(86_400),
            Self::Month => {
                let date = at.to_zoned(TimeZone::UTC).date();
                i64::from(date.year()) * 12 + i64::from(date.month())
            }
        }
    }
}

impl Period {
    /// Returns the end of the period that a time is in, or `None` outside the calendar.
    pub(crate) fn end(self, at: SystemTime) -> Option<SystemTime> {
        let next = self.number(at).checked_add(1)?;
        let start = match self {
            Self::Hour => Timestamp::from_second(next.checked_mul(3_600)?).ok()?,
            Self::Day => Timestamp::from_second(next.checked_mul(86_400)?).ok()?,
            Self::Month => {
                // Months are counted from 1.
                let (year, month) = ((next - 1).div_euclid(12), (next - 1).rem_euclid(12) + 1);
                let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
                first.to_zoned(TimeZone::UTC).ok()?.timestamp()
            }
        };
        Some(start.into())
    }
}

impl FromStr for Period {
    type Err = ParsePeriodError;

    fn from_str(word: &str) -> Result<Self, ParsePeriodError> {
        match word {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => Err(ParsePeriodError { word: word.to_owned() }),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn number(period: Period, text: &str) -> i64 {
        let at: Timestamp = text.parse().expect(text);
        period.number(at.into())
    }

    #[test]
    fn periods_begin_at_midnight_and_at_the_first_of_a_month() {
        let (last, first) = ("2026-11-30T23:59:59.999Z", "2026-12-01T00:00:00Z");
        for period in [Period::Hour, Period::Day, Period::Month] {
            assert_eq!(number(period, first), number(period, last) + 1, "{period}");
            assert_eq!(period.as_str().parse(), Ok(period));
        }
        assert_eq!(number(Period::Month, "2026-11-01T00:00:00Z"), number(Period::Month, last));
        assert_eq!(number(Period::Month, "2027-01-15T00:00:00Z"), number(Period::Month, first) + 1);
        assert!("fortnight".parse::<Period>().is_err());
    }

    #[test]
    fn every_time_is_in_a_period() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Period::Day.number(before), -1);
        let _ = Period::Month.number(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 50));
    }

    #[test]
    fn a_period_ends_where_the_next_begins() {
        let at = |text: &str| SystemTime::from(text.parse::<Timestamp>().expect(text));
        for (period, time, end) in [
            (Period::Hour, "2026-11-30T23:59:59.5Z", "2026-12-01T00:00:00Z"),
            (Period::Hour, "2026-11-30T22:00:00Z", "2026-11-30T23:00:00Z"),
            (Period::Day, "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Period::Month, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            (Period::Month, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Period::Day, "1969-12-31T12:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(period.end(at(time)), Some(at(end)), "{period} of {time}");
            assert_ne!(period.number(at(time)), period.number(at(end)));
        }
        assert_eq!(Period::Month.end(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 45)), None);
    }
}
