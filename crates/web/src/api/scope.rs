//! What a token that is for some cases may ask: only routes that say for which case, and only for those.
//!
//! What comes in: a request with the token's cases. What goes out: the same request, or a refusal. Every route that is not
//! listed here is closed to such a token.

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use tadoru_model::CaseId;

use super::MOST_JSON_BYTES;
use super::problem::Problem;

/// The cases that a request may be about.
#[derive(Debug, Clone)]
pub struct CaseScope(pub Vec<CaseId>);

/// The request, where it is about a case of its scope.
pub(super) async fn within(request: Request, scope: &CaseScope) -> Result<Request, Problem> {
    let refused = || {
        Problem::new(StatusCode::FORBIDDEN, "scope", "the token is for other cases")
            .help("the administrator issues tokens: tadoru account token")
    };
    let is_one = |case: &str| scope.0.iter().any(|of| of.0 == case);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    if request.method() == Method::GET && OF_NO_CASE.contains(&route) {
        return Ok(request);
    }
    if CASE_IN_PATH.contains(&route) {
        // As it stands in the path: an id that would be written in another way there is refused.
        let case = request.uri().path().split('/').nth(3).unwrap_or_default();
        return if is_one(case) { Ok(request) } else { Err(refused()) };
    }
    if request.method() != Method::POST || !CASE_IN_BODY.contains(&route) {
        return Err(refused());
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MOST_JSON_BYTES).await.map_err(|_| refused())?;
    let told: Head = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    if !is_one(&told.case) {
        return Err(refused());
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Of the body, the case alone; one that names two is refused by serde.
#[derive(serde::Deserialize)]
struct Head {
    case: String,
}

/// Routes that are about no case, and tell of none.
const OF_NO_CASE: [&str; 2] = ["/v1/health", "/v1/openapi.json"];
/// Routes whose path names the case.
const CASE_IN_PATH: [&str; 2] = ["/v1/cases/{id}", "/v1/cases/{id}/close"];
/// Routes whose body names the case.
const CASE_IN_BODY: [&str; 5] =
    ["/v1/who", "/v1/flows", "/v1/holds", "/v1/subscribers/{id}/show", "/v1/incidents/{id}/packs"];
