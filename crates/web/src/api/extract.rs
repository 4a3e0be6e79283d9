//! What handlers take of a request: who asks, JSON bodies, queries. A request that does not fit is answered without
//! repeating a value of it.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use tadoru_desk::Actor;
use tadoru_model::Role;

use super::problem::Problem;

/// The person who asks, as the transport named them.
pub(super) struct Caller(pub(super) Actor);

impl Caller {
    /// That the person has one of these roles.
    pub(super) fn may(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.iter().any(|role| self.0.is(*role)) { Ok(()) } else { Err(Problem::role(roles)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Actor>().cloned().map(Self).ok_or_else(Problem::nobody)
    }
}

/// A JSON body of at most [`super::MOST_JSON_BYTES`].
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let most = super::MOST_JSON_BYTES;
                Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too-long",
                    format!("the body is longer than {most} bytes"),
                )
            } else {
                Problem::broken_off()
            }
        })?;
        read_json(&bytes).map(Self)
    }
}

/// The query of a request.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(_) => Err(Problem::wrong("query", "the query does not fit what this takes")
                .help("see the parameters in /v1/openapi.json")),
        }
    }
}

/// The id in a path.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::wrong("path", "the id in the path is no text in UTF-8")),
        }
    }
}

/// Reads JSON; what does not fit is told by its place and by the names of members, never by a value.
pub(super) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let told = error.to_string();
        let why = if error.is_syntax() || error.is_eof() {
            "it is no JSON".to_owned()
        } else if let Some((what, _)) = told.strip_prefix("missing field ").and_then(|t| t.split_once(" at "))
        {
            format!("member {what} is missing")
        } else if let Some((_, names)) =
            told.strip_prefix("unknown field ").and_then(|t| t.split_once(", expected "))
        {
            let names = names.split(" at line").next().unwrap_or_default();
            format!("it has a member that is not known; there are {}", names.trim_start_matches("one of "))
        } else {
            "a member is not of the kind that it must be".to_owned()
        };
        Problem::wrong("body", format!("the body does not fit what this takes: {why} ({place})"))
            .help("see the schema in /v1/openapi.json")
    })
}
