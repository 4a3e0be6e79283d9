//! Instants in JSON: in UTC for programs, in the operator's zone for people.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tadoru_model::UtcMicros;
use utoipa::ToSchema;

/// An instant, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    /// In UTC, RFC 3339.
    pub utc: String,
    /// In the operator's zone, such as `2026-11-21 10:15:03 +09:00`.
    pub local: String,
}

impl Moment {
    /// That instant in that zone.
    pub(crate) fn of(at: UtcMicros, zone: &TimeZone) -> Self {
        let local = at.to_timestamp().map(|t| {
            let zoned = t.to_zoned(zone.clone());
            zoned.strftime("%Y-%m-%d %H:%M:%S%.f %:z").to_string()
        });
        Self { utc: at.to_string(), local: local.unwrap_or_else(|| at.to_string()) }
    }
}

/// RFC 3339 in UTC; `None` for the two ends of time.
pub(crate) fn rfc3339(at: UtcMicros) -> Option<String> {
    at.to_timestamp().map(|timestamp| timestamp.to_string())
}
