//! How a complaint's address and time are read: strictly, with what looks wrong said beside the likely intended reading.
//!
//! People have been arrested because of an hour's error of the time zone. So a time without a zone is no time, a date
//! that can be read in two ways is read in neither, and nothing is corrected silently (4.C4, 15.F8).

mod address;
mod time;

pub use self::address::{AddressFault, read_endpoint, read_port};
pub use self::time::{TimeFault, read_time};

use tadoru_model::Seen;

/// A time as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTime {
    /// The instant and its resolution.
    pub seen: Seen,
    /// What looks wrong although it can be read.
    pub warnings: Vec<Warning>,
}

/// Something that can be read and yet looks wrong. The texts hold the complaint's own time, never an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The time lies in the future: the classic slip of a zone.
    Future {
        /// The reading that may have been meant.
        likely: Option<String>,
    },
    /// The zone's abbreviation does not fit the season (`EST` in July): an hour's error.
    ZoneSeason {
        /// The reading that may have been meant.
        likely: String,
    },
    /// The offset is one hour away from the operator's zone.
    OneHourFromOurs {
        /// The reading that may have been meant.
        likely: String,
    },
    /// The time was given as a count of seconds or milliseconds.
    Epoch,
    /// The time falls on a leap second or a repeated hour.
    Repeated,
}
