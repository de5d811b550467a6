use std::cmp::Ordering;
use std::sync::Arc;

use jiff::civil::Date;

use crate::Timestamp;

/// The first day of a price, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The start of the day.
    pub at: Timestamp,
    /// The text of the day, such as `2026-08-21`.
    pub text: Arc<str>,
}

impl Start {
    /// Parses a day such as `2026-08-21`.
    pub fn parse(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        let at = Timestamp::start_of(date)?;
        // The canonical text, because the parser accepts other forms too.
        Some(Self { at, text: date.to_string().into() })
    }
}

impl PartialOrd for Start {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Start {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}
