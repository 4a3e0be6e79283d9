//! What waits for somebody's approval, and giving it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_gate::gate::Waiting as Known;
use tadoru_model::UtcMicros;
use utoipa::ToSchema;

use super::Api;
use super::cases::Noted;
use super::extract::{Caller, Id};
use super::problem::Problem;
use super::shape::rfc3339;

/// What waits for the approval of the person who asks, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approvals {
    /// What waits.
    pub waiting: Vec<Waiting>,
}

/// Something that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// Its id.
    pub id: String,
    /// The deed, such as `learn`.
    pub act: String,
    /// What to, such as `ASGN`.
    pub data: Vec<String>,
    /// What for, such as `CLEAN`.
    pub purpose: String,
    /// In which case.
    pub case: Option<String>,
    /// The rule that asks for the approval.
    pub rule: Option<String>,
    /// Who asked.
    pub person: String,
    /// When it was last asked for, RFC 3339 in UTC.
    pub at: Option<String>,
    /// Where in the journal that stands.
    pub asked: u64,
    /// Roles that may agree.
    pub roles: Vec<String>,
    /// How many agreements were missing when it was asked for.
    pub lacking: usize,
    /// Who has agreed so far.
    pub given: Vec<Given>,
    /// Whether an agreement holds for this version of the rule, whoever asks and as often as it is asked; else it is for
    /// this wish, for 24 hours.
    #[serde(default)]
    pub for_version: bool,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Given {
    /// By whom.
    pub person: String,
    /// In which roles.
    pub roles: Vec<String>,
    /// Where in the journal it stands.
    pub journal_index: u64,
    /// When it ends, RFC 3339 in UTC; `null` where it holds for a version.
    pub until: Option<String>,
}

/// Lists what waits for the person who asks.
#[utoipa::path(
    get, path = "/v1/approvals", tag = "gate", operation_id = "approvals",
    responses(
        (status = 200, description = "what this person may agree to", body = Approvals),
        (status = 401, description = "nobody is known to be asking", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn list<S: Stores>(State(api): State<Arc<Api<S>>>, caller: Caller) -> Json<Approvals> {
    let waiting = api.desk.waiting_for(&caller.0);
    Json(Approvals { waiting: waiting.iter().map(Waiting::of).collect() })
}

/// Agrees to what waits under an id.
#[utoipa::path(
    post, path = "/v1/approvals/{id}", tag = "gate", operation_id = "approve",
    params(("id" = String, Path, description = "id of what waits")),
    responses(
        (status = 200, description = "it is agreed to", body = Noted),
        (status = 400, description = "the request cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role, or another person", body = Problem),
        (status = 404, description = "nothing waits there", body = Problem),
        (status = 409, description = "this person has agreed already", body = Problem),
        (status = 503, description = "the journal fails", body = Problem),
    ),
    extensions(("x-door" = json!("gate")))
)]
pub(super) async fn approve<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Noted>, Problem> {
    let journal_index = api.run(move |desk, _| desk.approve(&caller.0, &id)).await?;
    Ok(Json(Noted { journal_index }))
}

impl Waiting {
    fn of(waiting: &Known) -> Self {
        let words = |roles: &[tadoru_model::Role]| roles.iter().map(|r| r.as_str().to_owned()).collect();
        let given = waiting.given.iter().map(|given| Given {
            person: given.person.0.clone(),
            roles: words(&given.roles),
            journal_index: given.index,
            until: rfc3339(given.until).filter(|_| given.until != UtcMicros::MAX),
        });
        Self {
            id: waiting.id.clone(),
            act: waiting.act.as_str().to_owned(),
            data: waiting.data.iter().map(|category| category.as_str().to_owned()).collect(),
            purpose: waiting.purpose.as_str().to_owned(),
            case: waiting.case.as_ref().map(|case| case.0.clone()),
            rule: waiting.rule.clone(),
            person: waiting.person.0.clone(),
            at: rfc3339(waiting.at),
            asked: waiting.asked,
            roles: words(&waiting.roles),
            lacking: waiting.lacking,
            given: given.collect(),
            for_version: waiting.version.is_some(),
        }
    }
}
