//! Cases: opened, listed, read as far as the gate lets the person read, closed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::casework::CasePage;
use tadoru_desk::{Door, Stores};
use tadoru_model::CaseId;
use tadoru_store::cases::{Case as Known, Texts, Which};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Asked, Caller, Id, JsonBody};
use super::problem::Problem;
use super::shape::{Refusal, refusal, rfc3339};

/// A case to be opened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    /// Its id, 1 to 64 of `A-Z a-z 0-9 . _ -`; the next of the year, such as `2026-0001`, where none is given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// What it is about; it is kept sealed.
    #[serde(default)]
    pub title: String,
}

/// A case that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenedCase {
    /// Its id.
    pub id: String,
}

/// A case without what may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// `open` or `closed`.
    pub state: String,
    /// Who opened it.
    pub opened_by: String,
    /// When, RFC 3339 in UTC.
    pub opened: Option<String>,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// When.
    pub closed: Option<String>,
    /// Who took part, in the order of joining.
    pub participants: Vec<String>,
    /// How many entries its thread has.
    pub entries: u64,
}

/// Cases, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cases {
    /// The cases.
    pub cases: Vec<Case>,
}

/// A case with its thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dossier {
    /// The case.
    pub case: Case,
    /// Its title; `null` while it is sealed for this person.
    pub title: Option<String>,
    /// Its entries, the oldest first.
    pub thread: Vec<CaseEntry>,
    /// Why title and texts are sealed, where they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sealed: Option<Refusal>,
}

/// One entry of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaseEntry {
    /// When, RFC 3339 in UTC.
    pub at: Option<String>,
    /// Who.
    pub by: String,
    /// What: `opened`, `joined`, `noted`, `asked`, `refused`, `approved`, `evidence`, `disclosed`, …
    pub what: String,
    /// Where in the journal it stands, for what the gate decided.
    pub journal_index: Option<u64>,
    /// What was written; `null` while it is sealed for this person.
    pub text: Option<String>,
}

/// Why a case is closed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// The reason, its last entry.
    pub reason: String,
}

/// Where in the journal a deed stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Noted {
    /// The entry's index.
    pub journal_index: u64,
}

/// Which cases to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CasesQuery {
    /// `open` (the default), `closed` or `all`.
    pub which: Option<String>,
}

/// Opens a case.
#[utoipa::path(
    post, path = "/v1/cases", tag = "cases", operation_id = "case-open", request_body = NewCase,
    responses(
        (status = 200, description = "its id", body = OpenedCase),
        (status = 400, description = "the id is none", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 409, description = "the case exists", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "requester", "unit-head"])))
)]
pub(super) async fn open<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(new): JsonBody<NewCase>,
) -> Result<Json<OpenedCase>, Problem> {
    caller.may(Door::WorksCases.roles())?;
    let NewCase { id, title } = new;
    let open = api.run(move |desk, handle| handle.block_on(desk.open_case(&caller.0, id.map(CaseId), title)));
    Ok(Json(OpenedCase { id: open.await?.0 }))
}

/// Lists cases.
#[utoipa::path(
    get, path = "/v1/cases", tag = "cases", operation_id = "case-list", params(CasesQuery),
    responses(
        (status = 200, description = "the cases, the latest first", body = Cases),
        (status = 400, description = "`which` is none of the three", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "approver", "manager",
        "auditor", "requester", "unit-head"])))
)]
pub(super) async fn list<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Asked(query): Asked<CasesQuery>,
) -> Result<Json<Cases>, Problem> {
    caller.may(Door::SeesCases.roles())?;
    let which = match query.which.as_deref() {
        None | Some("open") => Which::Open,
        Some("closed") => Which::Closed,
        Some("all") => Which::All,
        Some(_) => return Err(Problem::wrong("which", "`which` is none of `open`, `closed`, `all`")),
    };
    let cases = api.run(move |desk, handle| handle.block_on(desk.list_cases(which))).await?;
    Ok(Json(Cases { cases: cases.iter().map(Case::of).collect() }))
}

/// Shows a case with its thread.
#[utoipa::path(
    get, path = "/v1/cases/{id}", tag = "cases", operation_id = "case-show",
    params(("id" = String, Path, description = "id of the case")),
    responses(
        (status = 200, description = "the case, its texts as far as the gate opens them", body = Dossier),
        (status = 400, description = "the request cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such case", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "approver", "manager",
        "auditor", "requester", "unit-head"])))
)]
pub(super) async fn show<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Dossier>, Problem> {
    caller.may(Door::SeesCases.roles())?;
    let show = api.run(move |desk, handle| handle.block_on(desk.show_case(&caller.0, &CaseId(id))));
    let CasePage { thread, texts } = show.await?;
    let (texts, sealed) = match texts {
        Ok(texts) => (Some(texts), None),
        Err(refused) => (None, Some(refusal(&api.desk.gate().packs(), &refused))),
    };
    let text_of = |texts: &Texts, at: usize| texts.entries.get(at).cloned().unwrap_or_default();
    let entries = thread.entries.iter().enumerate().map(|(at, entry)| CaseEntry {
        at: rfc3339(entry.at),
        by: entry.by.0.clone(),
        what: entry.what.as_str().to_owned(),
        journal_index: entry.journal_index,
        text: texts.as_ref().map(|texts| text_of(texts, at)),
    });
    let thread_shown = entries.collect();
    Ok(Json(Dossier {
        case: Case::of(&thread.case),
        title: texts.map(|texts| texts.title),
        thread: thread_shown,
        sealed,
    }))
}

/// Closes a case.
#[utoipa::path(
    post, path = "/v1/cases/{id}/close", tag = "cases", operation_id = "case-close", request_body = Closing,
    params(("id" = String, Path, description = "id of the case")),
    responses(
        (status = 200, description = "it is closed", body = Noted),
        (status = 400, description = "the request cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such case", body = Problem),
        (status = 409, description = "it is closed already", body = Problem),
        (status = 413, description = "the reason is too long", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "requester", "unit-head"])))
)]
pub(super) async fn close<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(id): Id,
    JsonBody(closing): JsonBody<Closing>,
) -> Result<Json<Noted>, Problem> {
    caller.may(Door::WorksCases.roles())?;
    let close = api
        .run(move |desk, handle| handle.block_on(desk.close_case(&caller.0, &CaseId(id), &closing.reason)));
    Ok(Json(Noted { journal_index: close.await? }))
}

impl Case {
    fn of(case: &Known) -> Self {
        let (closed_by, closed) = case.closed.clone().unzip();
        Self {
            id: case.id.0.clone(),
            state: if closed.is_some() { "closed" } else { "open" }.to_owned(),
            opened_by: case.opened_by.0.clone(),
            opened: rfc3339(case.opened),
            closed_by: closed_by.map(|person| person.0),
            closed: closed.and_then(rfc3339),
            participants: case.participants.iter().map(|person| person.0.clone()).collect(),
            entries: case.entries,
        }
    }
}
