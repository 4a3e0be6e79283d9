//! The filters' language: what could stand at a place, and where a filter is wrong. Nothing is asked of any flow.

use axum::Json;
use serde::{Deserialize, Serialize};
use tadoru_store::filter::{Filter, Reason, expected_at};
use utoipa::ToSchema;

use super::extract::{Caller, JsonBody};
use super::problem::Problem;

/// A filter that is being written.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterRequest {
    /// Its text.
    pub filter: String,
    /// Byte offset of the place that is asked about; its end where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u32>,
}

/// How a filter reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilterRead {
    /// What could stand at the place: words as they are written, and kinds of value in angle brackets.
    pub expected: Vec<String>,
    /// What is wrong with the whole; `null`: nothing.
    pub fault: Option<FilterFault>,
}

/// Where a filter is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilterFault {
    /// Byte offset of the first byte that is wrong; the text's length where something is missing.
    pub at: u32,
    /// `unexpected`, `unfinished`, `not-kept`, `host-name`, `too-large`, `prefix-length`, `netmask`, `time-zone`, `flags`,
    /// `include`, `too-deep` or `too-long`.
    pub code: String,
    /// Why, in plain words.
    pub message: String,
    /// What could stand there.
    pub expected: Vec<String>,
}

/// Reads a filter, and offers what could stand at a place of it.
#[utoipa::path(
    post, path = "/v1/flows/filter", tag = "flows", operation_id = "flows-filter", request_body = FilterRequest,
    responses(
        (status = 200, description = "how it reads", body = FilterRead),
        (status = 400, description = "the request cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn read(_: Caller, JsonBody(request): JsonBody<FilterRequest>) -> Json<FilterRead> {
    let text = &request.filter;
    let at = request.at.map_or(text.len(), |at| usize::try_from(at).unwrap_or(usize::MAX).min(text.len()));
    let owned = |words: Vec<&str>| words.into_iter().map(ToOwned::to_owned).collect();
    let parsed = if text.trim().is_empty() { Ok(Filter::any()) } else { Filter::parse(text) };
    let fault = parsed.err().map(|fault| FilterFault {
        at: u32::try_from(fault.at).unwrap_or(u32::MAX),
        code: code(fault.reason).to_owned(),
        message: fault.reason.to_string(),
        expected: owned(fault.expected),
    });
    Json(FilterRead { expected: owned(expected_at(text, at)), fault })
}

const fn code(reason: Reason) -> &'static str {
    match reason {
        Reason::Unexpected => "unexpected",
        Reason::Unfinished => "unfinished",
        Reason::NotKept(_) => "not-kept",
        Reason::HostName => "host-name",
        Reason::TooLarge(_) => "too-large",
        Reason::PrefixLength => "prefix-length",
        Reason::Netmask => "netmask",
        Reason::TimeZone => "time-zone",
        Reason::Flags => "flags",
        Reason::Include => "include",
        Reason::TooDeep(_) => "too-deep",
        Reason::TooLong(_) => "too-long",
    }
}
