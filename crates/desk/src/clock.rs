//! The clock, handed in: time-dependent rules and answers use this one and no other.

use tadoru_model::UtcMicros;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The instant that it is.
    fn now(&self) -> UtcMicros;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UtcMicros {
        UtcMicros::from(jiff::Timestamp::now())
    }
}

/// A clock that stands: for the demonstration, whose records are of one day, and for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub UtcMicros);

impl Clock for FixedClock {
    fn now(&self) -> UtcMicros {
        self.0
    }
}
