//! When the sources were alive, and how wrong their clocks are. It names no endpoint.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use utoipa::ToSchema;

use super::Api;
use super::problem::Problem;
use super::shape::{Covered, rfc3339};

/// What is known of the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// Spans of known state, by source and beginning.
    pub spans: Vec<Covered>,
    /// What arrivals have told about the sources' clocks, a source and day each.
    pub clocks: Vec<ClockDay>,
}

/// One day's evidence about a source's clock: a record cannot have been written after it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClockDay {
    /// Which source.
    pub source: String,
    /// Start of the UTC day, by the source's clock, RFC 3339.
    pub day: Option<String>,
    /// By how much the clock was ahead at least, microseconds; negative: no sign that it was.
    pub lead_us: i64,
    /// How many records it was taken from.
    pub samples: u64,
}

/// When the sources were alive.
#[utoipa::path(
    get, path = "/v1/coverage", tag = "records", operation_id = "coverage",
    responses(
        (status = 200, description = "every span on record", body = Coverage),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn coverage<S: Stores>(State(api): State<Arc<Api<S>>>) -> Result<Json<Coverage>, Problem> {
    let (spans, readings) =
        api.run(|desk, _| desk.coverage().map(|spans| (spans, desk.clock_readings()))).await?;
    let clocks = readings.iter().map(|reading| ClockDay {
        source: reading.source.0.to_string(),
        day: rfc3339(reading.day),
        lead_us: reading.lead_us,
        samples: reading.samples,
    });
    Ok(Json(Coverage { spans: spans.iter().map(Covered::of).collect(), clocks: clocks.collect() }))
}
