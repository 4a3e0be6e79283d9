//! Instants and lengths of time as people read them: in the operator's zone, with it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An instant of the API in the zone, to the second; a dash where there is none.
pub fn local(at: Option<&str>, zone: &TimeZone) -> String {
    at.and_then(read).map_or_else(
        || "—".to_owned(),
        |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
    )
}

/// The zone's name, as browsers know it; UTC where it has none.
pub fn name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// Only the time of day.
pub fn of_day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// The day and the minute.
pub fn to_the_minute(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string()
}

/// An instant as the API writes it.
pub fn read(at: &str) -> Option<Timestamp> {
    at.parse().ok()
}

/// The same as seconds since 1970, with fractions.
pub fn seconds(at: &str) -> Option<f64> {
    let at = read(at)?;
    Some(at.as_second() as f64 + f64::from(at.subsec_nanosecond()) / 1e9)
}
