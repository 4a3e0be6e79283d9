//! The sources: when they were alive, and how wrong their clocks are.

use tadoru_model::{ClockReading, CoverageSpan};

use crate::{Desk, DeskError, Stores};

impl<S: Stores> Desk<S> {
    /// Every coverage span on record, by source and beginning. It names no endpoint.
    ///
    /// # Errors
    /// When the store fails.
    pub fn coverage(&self) -> Result<Vec<CoverageSpan>, DeskError> {
        Ok(self.stores().coverage().calendar()?)
    }

    /// What arrivals have told about the sources' clocks.
    pub fn clock_readings(&self) -> Vec<ClockReading> {
        self.stores().clocks().readings()
    }
}
