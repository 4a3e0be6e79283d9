//! What arrivals tell about the clock of a source.

use serde::{Deserialize, Serialize};

use crate::{SourceName, UtcMicros};

/// One day's evidence about a source's clock.
///
/// A record cannot have been written after it arrived: the largest `logged − not_after` of a day bounds the clock's
/// error from below.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClockReading {
    /// Which source.
    pub source: SourceName,
    /// Start of the UTC day, by the source's clock.
    pub day: UtcMicros,
    /// Largest `logged − not_after` of that day, microseconds.
    pub lead_us: i64,
    /// How many records it was taken from.
    pub samples: u64,
}

/// By how much a source's clock is ahead of true time: somewhere in these bounds, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ClockError {
    /// At least.
    pub least_us: i64,
    /// At most.
    pub most_us: i64,
}

impl ClockError {
    /// No evidence that the clock is wrong.
    pub const NONE: Self = Self { least_us: 0, most_us: 0 };

    /// Whether the clock is taken as right.
    pub const fn is_none(self) -> bool {
        self.least_us == 0 && self.most_us == 0
    }
}
