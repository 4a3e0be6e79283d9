//! Accounts of the console: who has one, and the one-time links with which they are set. It tells no secret but a link,
//! once.

pub mod tokens;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tadoru_desk::accounts::AccountError;
use tadoru_desk::{Clock as _, Door, Stores, SystemClock};
use tadoru_model::PersonId;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Caller, Id};
use super::problem::Problem;
use super::shape::rfc3339;

/// Everybody who may have an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    /// By name.
    pub accounts: Vec<Account>,
}

/// What of a person's account may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Whose.
    pub person: String,
    /// Their roles; none where the configuration no longer names them.
    pub roles: Vec<String>,
    /// When it was set, RFC 3339 in UTC; `null`: it was not.
    pub set: Option<String>,
    /// Until when a link holds that sets it; `null`: there is none.
    pub link_until: Option<String>,
}

/// A link that was issued. It is told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountLink {
    /// Whose account it sets.
    pub person: String,
    /// Its path on the desk's address.
    pub path: String,
    /// First instant at which it no longer holds, RFC 3339 in UTC.
    pub until: Option<String>,
}

/// Whether an account was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountRemoved {
    /// Whether there was one.
    pub removed: bool,
}

/// Lists the accounts of the console.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "about", operation_id = "accounts",
    responses(
        (status = 200, description = "everybody who may have one", body = Accounts),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(super) async fn list<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Json<Accounts>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let known = api.run(move |desk, _| desk.accounts(&caller.0)).await?;
    let account = |known: tadoru_desk::accounts::Known| Account {
        person: known.person.0,
        roles: known.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        set: known.set.and_then(rfc3339),
        link_until: known.link_until.and_then(rfc3339),
    };
    Ok(Json(Accounts { accounts: known.into_iter().map(account).collect() }))
}

/// Issues a one-time link with which a person sets password and one-time codes.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/link", tag = "about", operation_id = "account-link",
    params(("id" = String, Path, description = "name of the person")),
    responses(
        (status = 200, description = "the link", body = AccountLink),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "the configuration names no such person", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(super) async fn link<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(person): Id,
) -> Result<Json<AccountLink>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let person = PersonId(person);
    let issued = api.run(move |desk, _| desk.issue_link(&caller.0, &person, SystemClock.now())).await?;
    Ok(Json(AccountLink {
        person: issued.person.0,
        path: format!("{LINK_PATH}{}", issued.token),
        until: rfc3339(issued.until),
    }))
}

/// Removes a person's account; sessions that run end with their next request.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/remove", tag = "about", operation_id = "account-remove",
    params(("id" = String, Path, description = "name of the person")),
    responses(
        (status = 200, description = "whether there was one", body = AccountRemoved),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(super) async fn remove<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(person): Id,
) -> Result<Json<AccountRemoved>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let person = PersonId(person);
    let removed = api.run(move |desk, _| desk.remove_account(&caller.0, &person)).await?;
    Ok(Json(AccountRemoved { removed }))
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Gate(error) => error.into(),
            AccountError::Store(error) => error.into(),
            AccountError::Nobody => Self::new(StatusCode::NOT_FOUND, "no-such-person", error.to_string())
                .help("people are named under [[people]] in the configuration"),
            AccountError::Role => Self::role(Door::RunsSystem.roles()),
            AccountError::Random => Self::new(StatusCode::SERVICE_UNAVAILABLE, "random", error.to_string()),
            AccountError::Wrong
            | AccountError::NoLink
            | AccountError::Weak(_)
            | AccountError::Code
            | AccountError::Name
            | AccountError::NoRole
            | AccountError::End
            | AccountError::TooMany => Self::wrong("account", error.to_string()),
        }
    }
}

/// Where on the desk's address a link leads; its token follows.
pub(crate) const LINK_PATH: &str = "/account/";
