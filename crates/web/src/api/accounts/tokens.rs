//! Tokens with which programs ask as a person: issuing, listing, revoking. A token is told once, when it is issued.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::accounts::tokens::Wanted;
use tadoru_desk::{Clock as _, Door, Stores, SystemClock};
use tadoru_model::{CaseId, PersonId, Role};
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::extract::{Caller, Id, JsonBody};
use crate::api::problem::Problem;
use crate::api::shape::rfc3339;

/// What a token is to be for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenWanted {
    /// What it is for, in words.
    #[serde(default)]
    pub label: String,
    /// Roles that it asks in; none: all of the person's.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Cases that it is for; none: no bound.
    #[serde(default)]
    pub cases: Vec<String>,
    /// How long it holds, days, at most 366.
    pub days: u32,
}

/// A token that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenIssued {
    /// Its number among the person's tokens.
    pub number: u64,
    /// The token; it is not told again.
    pub token: String,
    /// First instant at which it no longer holds, RFC 3339 in UTC.
    pub until: Option<String>,
}

/// Which token is to be revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenNumber {
    /// Its number among the person's tokens.
    pub number: u64,
}

/// Whether a token was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenRevoked {
    /// Whether there was such a token.
    pub revoked: bool,
}

/// Every token that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// By person and number; those past their end for 90 days more.
    pub tokens: Vec<Token>,
}

/// What of a token may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Whose.
    pub person: String,
    /// Its number among the person's tokens.
    pub number: u64,
    /// What it is for, in words.
    pub label: String,
    /// Roles that it asks in.
    pub roles: Vec<String>,
    /// Cases that it is for; none: no bound.
    pub cases: Vec<String>,
    /// When it was issued, RFC 3339 in UTC.
    pub issued: Option<String>,
    /// First instant at which it no longer holds, RFC 3339 in UTC.
    pub until: Option<String>,
}

/// Lists the tokens that were issued.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "about", operation_id = "tokens",
    responses(
        (status = 200, description = "the tokens, without what opens anything", body = Tokens),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(in crate::api) async fn list<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
) -> Result<Json<Tokens>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let known = api.run(move |desk, _| desk.tokens(&caller.0)).await?;
    let token = |(person, token): (PersonId, tadoru_store::accounts::ApiToken)| Token {
        person: person.0,
        number: token.id,
        label: token.label,
        roles: token.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        cases: token.cases.into_iter().map(|case| case.0).collect(),
        issued: rfc3339(token.issued),
        until: rfc3339(token.until),
    };
    Ok(Json(Tokens { tokens: known.into_iter().map(token).collect() }))
}

/// Issues a token with which a program asks as a person.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/tokens", tag = "about", operation_id = "token-issue",
    params(("id" = String, Path, description = "name of the person")),
    request_body = TokenWanted,
    responses(
        (status = 200, description = "the token", body = TokenIssued),
        (status = 400, description = "what is wanted will not do", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "the configuration names no such person", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(in crate::api) async fn issue<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(person): Id,
    JsonBody(wanted): JsonBody<TokenWanted>,
) -> Result<Json<TokenIssued>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let role = |name: &String| Role::ALL.into_iter().find(|role| role.as_str() == name);
    let roles: Option<Vec<Role>> = wanted.roles.iter().map(role).collect();
    let wanted = Wanted {
        person: PersonId(person),
        label: wanted.label,
        roles: roles.ok_or_else(|| Problem::wrong("role", "there is no such role"))?,
        cases: wanted.cases.into_iter().map(CaseId).collect(),
        days: wanted.days,
    };
    let issued = api.run(move |desk, _| desk.issue_token(&caller.0, &wanted, SystemClock.now())).await?;
    Ok(Json(TokenIssued { number: issued.id, token: issued.token, until: rfc3339(issued.until) }))
}

/// Revokes a token: it opens nothing from then on.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/tokens/revoke", tag = "about", operation_id = "token-revoke",
    params(("id" = String, Path, description = "name of the person")),
    request_body = TokenNumber,
    responses(
        (status = 200, description = "whether there was one", body = TokenRevoked),
        (status = 400, description = "the body does not fit", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!(["administrator", "system"])))
)]
pub(in crate::api) async fn revoke<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(person): Id,
    JsonBody(which): JsonBody<TokenNumber>,
) -> Result<Json<TokenRevoked>, Problem> {
    caller.may(Door::RunsSystem.roles())?;
    let person = PersonId(person);
    let revoked = api.run(move |desk, _| desk.revoke_token(&caller.0, &person, which.number)).await?;
    Ok(Json(TokenRevoked { revoked }))
}
