//! How it stands with the copy of flows for finding unknown command servers (JP-050). It tells nothing that is in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::copies::CopyReport;
use tadoru_desk::{Door, Stores};
use utoipa::ToSchema;

use super::Api;
use super::extract::Caller;
use super::problem::Problem;
use super::shape::{Missing, rfc3339};

/// How it stands with the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowCopy {
    /// Whether the configuration asks for it.
    pub wanted: bool,
    /// What the rules in force say to it, such as `permit+obligations` or `need:approval`.
    pub verdict: String,
    /// The rule that says so.
    pub rule: Option<String>,
    /// What is missing; nothing where it is permitted.
    pub missing: Vec<Missing>,
    /// The id under which an agreement can be given, where one waits.
    pub approval_id: Option<String>,
    /// What arrives from then on is copied, RFC 3339 in UTC; `null` while nothing is copied.
    pub since: Option<String>,
    /// Flows that it holds.
    pub flows: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// When the oldest hour of arrival that it holds began, RFC 3339 in UTC.
    pub oldest: Option<String>,
    /// How long a flow is kept after it arrived, such as `7 d`.
    pub keep: Option<String>,
}

/// How it stands with the copy of flows for finding unknown command servers.
#[utoipa::path(
    get, path = "/v1/flows/c2-copy", tag = "flows", operation_id = "c2-copy",
    responses(
        (status = 200, description = "whether it is wanted, permitted and followed, and how much it holds", body = FlowCopy),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
    ),
    extensions(("x-door" = json!([
        "abuse-desk", "network-operations", "legal-reviewer", "approver", "manager", "auditor", "administrator"
    ])))
)]
pub(super) async fn c2_copy<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Json<FlowCopy>, Problem> {
    caller.may(Door::ReadsJournal.roles())?;
    let report = api.run(|desk, _| Ok::<_, Problem>(desk.copy_report())).await?;
    Ok(Json(FlowCopy::of(&report)))
}

impl FlowCopy {
    fn of(report: &CopyReport) -> Self {
        let CopyReport { is_wanted, decision, approval, state, keep } = report;
        Self {
            wanted: *is_wanted,
            verdict: decision.verdict.as_str().to_owned(),
            rule: decision.rule.as_ref().map(|rule| rule.id.clone()),
            missing: decision.missing.iter().map(Missing::of).collect(),
            approval_id: approval.clone(),
            since: state.since.and_then(rfc3339),
            flows: state.holds.flows,
            bytes: state.holds.bytes,
            oldest: state.oldest.and_then(rfc3339),
            keep: keep.clone(),
        }
    }
}
