//! What arrivals have told about the clocks of sources.

use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::ClockReading;

use crate::StoreError;

/// Readings of the sources' clocks, one a source and day.
pub trait ClockReadings: Send + Sync {
    /// Takes readings in: of one source and day the largest lead and the sum of the samples stand. Durable when it
    /// returns.
    ///
    /// # Errors
    /// When the disk refuses.
    fn note(&self, permit: &Permit<Store>, readings: &[ClockReading]) -> Result<(), StoreError>;

    /// All of them. They name no person.
    fn readings(&self) -> Vec<ClockReading>;
}
