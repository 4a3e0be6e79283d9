//! What waits for the visitor's agreement, and agreeing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;

use super::{Frame, Sent, Visitor, quoted, told};
use crate::api::approvals::{Approvals, Waiting};
use crate::api::cases::Noted;
use crate::api::problem::Problem;
use crate::console::Console;
use crate::pages::times::local;
use crate::words::Lang;
use crate::words::fixed::{self, word};

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    f: Frame,
    rows: Vec<Row>,
    agreed: Option<u64>,
    wrong: String,
}

/// Something that waits, in the visitor's words.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) deed: String,
    pub(super) purpose: String,
    pub(super) case: Option<String>,
    pub(super) rule: String,
    pub(super) person: String,
    pub(super) at: String,
    pub(super) lacking: usize,
    pub(super) given: Vec<String>,
}

/// What waits.
pub async fn list(State(console): State<Arc<Console>>, visitor: Visitor) -> Response {
    let page = page(&console, &visitor, None, String::new()).await;
    console.shown(&visitor, page)
}

/// Agrees.
pub async fn agree(State(console): State<Arc<Console>>, Path(id): Path<String>, sent: Sent) -> Response {
    let path = format!("/v1/approvals/{}", quoted(&id));
    let noted: Result<Noted, Problem> = console.post(&sent.visitor, &path, &json!({})).await;
    let (agreed, wrong) = match noted {
        Ok(noted) => (Some(noted.journal_index), String::new()),
        Err(problem) if problem.status < 500 => (None, told(sent.visitor.lang, &problem)),
        Err(problem) => return console.fault(&sent.visitor, &problem),
    };
    let page = page(&console, &sent.visitor, agreed, wrong).await;
    console.shown(&sent.visitor, page)
}

/// What waits for the visitor.
pub(super) async fn waiting(console: &Console, visitor: &Visitor) -> Result<Vec<Row>, Problem> {
    let approvals: Approvals = console.get(visitor, "/v1/approvals").await?;
    Ok(approvals.waiting.into_iter().map(|waiting| row(console, visitor.lang, waiting)).collect())
}

async fn page(
    console: &Console,
    visitor: &Visitor,
    agreed: Option<u64>,
    wrong: String,
) -> Result<ApprovalsPage, Problem> {
    let rows = waiting(console, visitor).await?;
    let f = console.frame(visitor, "approvals", visitor.lang.words().approvals, "/approvals");
    Ok(ApprovalsPage { f, rows, agreed, wrong })
}

fn row(console: &Console, lang: Lang, waiting: Waiting) -> Row {
    let data: Vec<&str> = waiting.data.iter().map(|data| word(lang, fixed::DATA, data)).collect();
    let given = waiting.given.iter().map(|given| given.person.clone());
    Row {
        deed: format!("{}{}{}", word(lang, fixed::ACTS, &waiting.act), lang.of("：", ": "), data.join(", ")),
        purpose: word(lang, fixed::PURPOSES, &waiting.purpose).to_owned(),
        case: waiting.case,
        rule: waiting.rule.unwrap_or_default(),
        at: local(waiting.at.as_deref(), &console.zone),
        lacking: waiting.lacking.saturating_sub(waiting.given.len()),
        given: given.collect(),
        id: waiting.id,
        person: waiting.person,
    }
}
