//! Which retention class and month a row belongs to: what stands in one file, and under one key.

use std::sync::Arc;

use tadoru_model::{Assignment, RecordKind};

use crate::folder::codec::KeyName;

/// The retention classes of an installation, by what a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionClasses {
    /// Sessions, leases, static tables.
    pub assignments: Arc<str>,
    /// Translations without the far side.
    pub translations: Arc<str>,
    /// Translations with the far side.
    pub destinations: Arc<str>,
    /// Venues.
    pub venues: Arc<str>,
}

impl Default for RetentionClasses {
    fn default() -> Self {
        Self {
            assignments: Arc::from("assignment"),
            translations: Arc::from("assignment"),
            destinations: Arc::from("assignment-destination"),
            venues: Arc::from("venue"),
        }
    }
}

/// Whether the far side of a translation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarSide {
    /// It is.
    Kept,
    /// It is not.
    NotKept,
}

impl RetentionClasses {
    /// The class of such rows.
    pub const fn class(&self, kind: RecordKind, far: FarSide) -> &Arc<str> {
        match (kind, far) {
            (RecordKind::Session | RecordKind::Lease | RecordKind::Static, _) => &self.assignments,
            (RecordKind::Seat, _) => &self.venues,
            (_, FarSide::Kept) => &self.destinations,
            (_, FarSide::NotKept) => &self.translations,
        }
    }

    /// Every class, each once.
    pub fn all(&self) -> Vec<&Arc<str>> {
        let mut all = vec![&self.assignments, &self.translations, &self.destinations, &self.venues];
        all.sort();
        all.dedup();
        all
    }

    /// The key of the row's file.
    pub fn key_of(&self, row: &Assignment) -> KeyName {
        let far = if row.remote.is_some() { FarSide::Kept } else { FarSide::NotKept };
        KeyName::new(Arc::clone(self.class(row.kind, far)), month_of(row.until.latest.0))
    }

    /// The key of what has no end yet.
    pub fn endless(&self, class: &Arc<str>) -> KeyName {
        KeyName::new(Arc::clone(class), ENDLESS)
    }
}

/// The UTC month of an instant (µs since 1970), as `year × 12 + month − 1`. Before [`FIRST`] it is the first, from
/// [`ENDLESS`] on it is that: such rows have no end that a calendar knows.
pub const fn month_of(micros: i64) -> u32 {
    let days = micros.div_euclid(86_400_000_000);
    // Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let (month, carry) = if shifted_month < 10 { (shifted_month + 2, 0) } else { (shifted_month - 10, 1) };
    let number = (year_of_era + era * 400 + carry) * 12 + month;
    if number < FIRST as i64 {
        FIRST
    } else if number > ENDLESS as i64 {
        ENDLESS
    } else {
        number as u32
    }
}

/// 1970-01: everything that ended before stands there.
pub const FIRST: u32 = 1970 * 12;
/// 2200-01: everything that ends later, or has no end.
pub const ENDLESS: u32 = 2200 * 12;

#[cfg(test)]
mod tests;
