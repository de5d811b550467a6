use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A time, which decides the prices in force.
///
/// Its text is that of RFC 3339, such as `2026-11-20T12:00:00Z`. A day, such as `2026-11-20`, is parsed as its start in UTC.
///
/// ```
/// use std::time::SystemTime;
/// use outlay_price::Timestamp;
///
/// let day: Timestamp = "2026-11-20".parse()?;
/// assert_eq!(day.to_string(), "2026-11-20T00:00:00Z");
/// assert!(day < Timestamp::try_from(SystemTime::now())?);
/// # Ok::<(), outlay_price::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// An invalid text or time for a [`Timestamp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time between the years -9999 and 9999: write a time such as 2026-11-20T12:00:00Z, or a day such as 2026-11-20"
)]
pub struct TimestampError(());

impl Timestamp {
    pub(crate) const MIN: Self = Self(jiff::Timestamp::MIN);

    /// Returns the current time.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// Returns the day in UTC, such as `2026-11-20`.
    #[must_use]
    pub fn day(self) -> String {
        self.date().to_string()
    }

    pub(crate) fn date(self) -> Date {
        self.0.to_zoned(TimeZone::UTC).date()
    }

    /// Returns the start of a day in UTC.
    pub(crate) fn start_of(day: Date) -> Option<Self> {
        Some(Self(day.to_zoned(TimeZone::UTC).ok()?.timestamp()))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // The parser of days also accepts, and ignores, a time without an offset.
        let day = || text.parse().ok().filter(|day: &Date| day.to_string() == text).and_then(Self::start_of);
        text.parse().map(Self).ok().or_else(day).ok_or(TimestampError(()))
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = TimestampError;

    fn try_from(time: SystemTime) -> Result<Self, TimestampError> {
        jiff::Timestamp::try_from(time).map(Self).map_err(|_| TimestampError(()))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_start_in_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(at("2026-11-20"), at("2026-11-20T01:00:00+01:00"));
        assert_eq!(at("2026-11-20T23:59:59Z").date().to_string(), "2026-11-20");
    }

    #[test]
    fn an_invalid_text_or_time_is_an_error() {
        for text in ["", "2026-13-01", "yesterday", "10000-01-01T00:00:00Z", "2026-11-20T12:00:00"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError(())), "{text}");
        }
        let far = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 << 40);
        assert!(Timestamp::try_from(far).unwrap_err().to_string().starts_with("not a time between the years"));
    }
}
