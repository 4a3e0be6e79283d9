//! Instants and spans of time. An instant is always UTC; a zone belongs to its display.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMicros(pub i64);

impl UtcMicros {
    /// Before every record: "since always".
    pub const MIN: Self = Self(i64::MIN);
    /// After every record: "still so".
    pub const MAX: Self = Self(i64::MAX);

    /// From whole seconds since the epoch; out of range saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Later by `micros` (negative: earlier); the two ends of time stay where they are.
    pub const fn plus(self, micros: i64) -> Self {
        if self.0 == i64::MIN || self.0 == i64::MAX { self } else { Self(self.0.saturating_add(micros)) }
    }

    /// Microseconds from `earlier` to this instant; saturates.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same instant for calendars and zones; `None` outside the years that the calendar has.
    pub fn to_timestamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }
}

impl From<jiff::Timestamp> for UtcMicros {
    fn from(timestamp: jiff::Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl fmt::Display for UtcMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_timestamp() {
            Some(timestamp) => write!(f, "{timestamp}"),
            None if self.0 < 0 => f.write_str("since always"),
            None => f.write_str("without end"),
        }
    }
}

/// A half-open span of time `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First instant inside.
    pub from: UtcMicros,
    /// First instant outside.
    pub until: UtcMicros,
}

impl Span {
    /// The span from `from` to just before `until`.
    pub const fn new(from: UtcMicros, until: UtcMicros) -> Self {
        Self { from, until }
    }

    /// All instants within `slack_us` microseconds of `at`, both ends included.
    pub const fn around(at: UtcMicros, slack_us: i64) -> Self {
        Self { from: at.plus(-slack_us), until: at.plus(slack_us.saturating_add(1)) }
    }

    /// Whether the two share an instant.
    pub fn meets(self, other: Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// Whether every instant of `inner` is inside.
    pub fn holds(self, inner: Self) -> bool {
        self.from <= inner.from && inner.until <= self.until
    }

    /// Whether `at` is inside.
    pub fn contains(self, at: UtcMicros) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether no instant is inside.
    pub fn is_empty(self) -> bool {
        self.from >= self.until
    }
}

/// One observed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The instant, as told.
    pub at: UtcMicros,
    /// What one unit of its last digit is, microseconds: 1,000,000 for a time told in whole seconds.
    pub resolution_us: i64,
}

impl Seen {
    /// The instants that the told time stands for.
    pub fn core(self) -> Span {
        Span::new(self.at, self.at.plus(self.resolution_us.max(1)))
    }

    /// The same with the skew on both sides.
    pub fn window(self, skew_us: i64) -> Span {
        let core = self.core();
        Span::new(core.from.plus(-skew_us), core.until.plus(skew_us))
    }
}
