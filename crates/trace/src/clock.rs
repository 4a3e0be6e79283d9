//! The clocks of sources: what arrivals say about them, and how far their times can be trusted.
//!
//! A record cannot have been written after it arrived. With `lead = logged − not_after`, the clock is ahead by at least
//! the largest lead seen; it is ahead by more only if even the quickest record was under way for that long. A clock that
//! never leads may be right with slow delivery, or slow with quick delivery: nothing in the records tells the two apart,
//! so both are allowed for.

use std::collections::{BTreeMap, HashMap};

use tadoru_model::observation::When;
use tadoru_model::{ClockError, ClockReading, SourceName, UtcMicros};

/// Collects a [`ClockReading`] a source and day.
#[derive(Debug, Default)]
pub struct ClockWatch {
    days: HashMap<(SourceName, i64), (i64, u64)>,
}

impl ClockWatch {
    /// Takes note of one record's two times.
    pub fn note(&mut self, source: &SourceName, when: When) {
        let (Some(logged), Some(not_after)) = (when.logged, when.not_after) else { return };
        let lead = logged.since(not_after);
        let day = self.days.entry((source.clone(), logged.0.div_euclid(DAY_US))).or_insert((i64::MIN, 0));
        day.0 = day.0.max(lead);
        day.1 += 1;
    }

    /// Hands out what has been collected since the last call.
    pub fn drain(&mut self) -> Vec<ClockReading> {
        let mut readings: Vec<ClockReading> = self
            .days
            .drain()
            .map(|((source, day), (lead_us, samples))| ClockReading {
                source,
                day: UtcMicros(day.saturating_mul(DAY_US)),
                lead_us,
                samples,
            })
            .collect();
        readings.sort_by(|a, b| (&a.source, a.day).cmp(&(&b.source, b.day)));
        readings
    }
}

/// The readings of all sources, ready to be asked.
#[derive(Debug, Default)]
pub struct Clocks {
    days: HashMap<SourceName, BTreeMap<i64, ClockReading>>,
    widest: ClockError,
}

impl Clocks {
    /// From all readings there are; several of one source and day count as one.
    pub fn new(readings: impl IntoIterator<Item = ClockReading>) -> Self {
        let mut clocks = Self::default();
        for reading in readings {
            clocks.add(reading);
        }
        clocks
    }

    /// Takes one more reading in.
    pub fn add(&mut self, reading: ClockReading) {
        self.widest = hull(self.widest, error_of(reading.lead_us));
        let days = self.days.entry(reading.source.clone()).or_default();
        let day = days.entry(reading.day.0.div_euclid(DAY_US)).or_insert(ClockReading {
            lead_us: i64::MIN,
            samples: 0,
            ..reading.clone()
        });
        day.lead_us = day.lead_us.max(reading.lead_us);
        day.samples = day.samples.saturating_add(reading.samples);
    }

    /// How wrong the clock of `source` may have been at `at`.
    ///
    /// The day itself and its two neighbours count together, so that a clock that was set in between stays within the
    /// bounds. Days with fewer than [`ENOUGH_SAMPLES`] records count only when there is no better one.
    pub fn error(&self, source: &SourceName, at: UtcMicros) -> ClockError {
        let Some(days) = self.days.get(source) else { return ClockError::NONE };
        let day = at.0.div_euclid(DAY_US);
        let near = || days.range(day.saturating_sub(1)..=day.saturating_add(1)).map(|(_, reading)| reading);
        let enough = near().any(|r| r.samples >= ENOUGH_SAMPLES);
        near()
            .filter(|r| !enough || r.samples >= ENOUGH_SAMPLES)
            .map(|r| error_of(r.lead_us))
            .reduce(hull)
            .unwrap_or(ClockError::NONE)
    }

    /// The widest error of any source: how much further than asked one has to look.
    pub const fn widest(&self) -> ClockError {
        self.widest
    }
}

/// The bounds that hold both.
fn hull(a: ClockError, b: ClockError) -> ClockError {
    ClockError { least_us: a.least_us.min(b.least_us), most_us: a.most_us.max(b.most_us) }
}

/// What one day's largest lead says.
const fn error_of(lead_us: i64) -> ClockError {
    if lead_us > RIGHT_WITHIN_US {
        ClockError { least_us: lead_us, most_us: lead_us.saturating_add(QUICKEST_DELIVERY_US) }
    } else if lead_us < -SLOW_DELIVERY_US {
        ClockError { least_us: lead_us, most_us: 0 }
    } else {
        ClockError::NONE
    }
}

/// A day, in microseconds.
const DAY_US: i64 = 86_400_000_000;
/// Records of a day from which its reading stands on its own.
const ENOUGH_SAMPLES: u64 = 20;
/// A lead up to this is the resolution of the logs (whole seconds), not an error of the clock.
const RIGHT_WITHIN_US: i64 = 1_000_000;
/// How long the quickest record of a day is under way at most.
const QUICKEST_DELIVERY_US: i64 = 5_000_000;
/// If even the quickest record took longer than this, the clock may be slow instead.
const SLOW_DELIVERY_US: i64 = 15_000_000;

#[cfg(test)]
mod tests;
