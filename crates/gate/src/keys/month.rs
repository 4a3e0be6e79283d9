//! Calendar months, the periods of keys.

use std::fmt;

use tadoru_model::UtcMicros;

/// A calendar month in UTC, the period of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    pub(super) year: i16,
    pub(super) month: i8,
}

impl Month {
    /// The month of that instant; before and after all calendars it is their first and last.
    pub fn of(at: UtcMicros) -> Self {
        let ends = if at.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let date = at.to_timestamp().unwrap_or(ends).to_zoned(jiff::tz::TimeZone::UTC).date();
        Self { year: date.year(), month: date.month() }
    }

    /// Its first instant.
    pub fn begin(self) -> UtcMicros {
        let first = jiff::civil::Date::new(self.year, self.month, 1);
        let zoned = first.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC));
        zoned.map_or(UtcMicros::MIN, |zoned| UtcMicros::from(zoned.timestamp()))
    }

    /// The first instant after it.
    pub fn end(self) -> UtcMicros {
        let (year, month) =
            if self.month == 12 { (self.year.saturating_add(1), 1) } else { (self.year, self.month + 1) };
        Self { year, month }.begin()
    }

    /// From its text, `2026-11`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.rsplit_once('-')?;
        let month = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        ((1..=12).contains(&month.month) && month.to_string() == text).then_some(month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
