//! What happens to incidents, as it happens: the API's stream, with the cells of each row in the visitor's words.
//!
//! What comes in: the API's server-sent events. What goes out: the same as events `row`, each the cells that changed. The
//! stream ends with the session.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use serde_json::json;

use super::{Cells, Visitor};
use crate::api::incidents::IncidentBrief;
use crate::client::AnswerLines;
use crate::console::Console;
use crate::words::Lang;

/// The stream.
pub async fn stream(State(console): State<Arc<Console>>, visitor: Visitor) -> Response {
    let answer = match console.answer(&visitor, Method::GET, "/v1/incidents/stream", Body::empty()).await {
        Ok(answer) => answer,
        Err(problem) => return problem.into_response(),
    };
    let (sender, channel) = Channel::<Bytes, axum::BoxError>::new(2);
    tokio::spawn(pass_on(console, visitor, answer.lines(), sender));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::new(channel)).into_response()
}

/// Passes on what comes until the listener leaves, the session ends or the desk does.
async fn pass_on(
    console: Arc<Console>,
    visitor: Visitor,
    mut lines: AnswerLines,
    mut sender: Sender<Bytes, axum::BoxError>,
) {
    let mut event = String::new();
    while let Ok(Some(line)) = lines.next().await {
        if !console.sessions.holds(visitor.session) {
            return;
        }
        let line = String::from_utf8_lossy(&line);
        if let Some(name) = line.strip_prefix("event: ") {
            name.clone_into(&mut event);
            continue;
        }
        let said = match line.strip_prefix("data: ") {
            Some(data) => said(visitor.lang, &event, data),
            // A comment: it is alive.
            None if line.starts_with(':') => Some(":\n\n".to_owned()),
            None => None,
        };
        if let Some(said) = said
            && sender.send_data(said.into()).await.is_err()
        {
            return;
        }
    }
}

/// An event of the API in the visitor's words.
fn said(lang: Lang, event: &str, data: &str) -> Option<String> {
    if event == "missed" {
        return Some("event: missed\ndata: {}\n\n".to_owned());
    }
    let brief: IncidentBrief = serde_json::from_str(data).ok()?;
    let is_open = brief.state != "ended";
    let row = json!({"id": brief.id, "is_open": is_open, "cells": Cells::of(lang, &brief)});
    Some(format!("event: row\ndata: {row}\n\n"))
}

#[cfg(test)]
mod tests;
