//! Deletion at the end of the retention, which is itself journaled.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::{Door, Stores};
use utoipa::ToSchema;

use super::Api;
use super::extract::Caller;
use super::problem::Problem;

/// What a run of the retention did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionRun {
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that a hold kept.
    pub held: u64,
    /// Keys destroyed: of classes and months of which nothing is left.
    #[serde(default)]
    pub keys: u64,
}

/// Deletes what is past its retention and held by nothing.
#[utoipa::path(
    post, path = "/v1/retention/run", tag = "records", operation_id = "retention-run",
    responses(
        (status = 200, description = "what was deleted", body = RetentionRun),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(super) async fn run<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Json<RetentionRun>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let done = api.run(|desk, _| desk.enforce_retention()).await?;
    Ok(Json(RetentionRun { deleted: done.deleted, held: done.held, keys: done.keys }))
}
