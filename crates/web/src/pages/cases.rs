//! Cases: listed, opened, read as far as the gate lets the visitor read, closed with a reason.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Frame, Sent, Visitor, html, quoted, told};
use crate::api::cases::{Case, Cases, Closing, Dossier, NewCase, Noted, OpenedCase};
use crate::api::problem::Problem;
use crate::console::Console;
use crate::pages::times::local;
use crate::words::fixed::{self, word};

#[derive(Template)]
#[template(path = "cases.html")]
struct CasesPage {
    f: Frame,
    which: String,
    rows: Vec<Row>,
    may_open: bool,
    id: String,
    title: String,
    wrong: String,
}

struct Row {
    case: Case,
    opened: String,
    participants: String,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    f: Frame,
    case: Case,
    opened: String,
    closed: String,
    title: Option<String>,
    sealed: String,
    thread: Vec<Step>,
    may_close: bool,
    reason: String,
    wrong: String,
}

struct Step {
    at: String,
    by: String,
    what: String,
    index: Option<u64>,
    text: String,
}

/// Which cases to list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    which: String,
}

/// The list.
pub async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Response {
    let page = list_page(&console, &visitor, &wanted.which, ["", "", ""]).await;
    console.shown(&visitor, page)
}

/// Opens a case.
pub async fn open(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let (id, title) = (fields.get("id").trim(), fields.get("title").trim());
    let new = NewCase { id: (!id.is_empty()).then(|| id.to_owned()), title: title.to_owned() };
    let opened: Result<OpenedCase, Problem> = console.post(&visitor, "/v1/cases", &new).await;
    match opened {
        Ok(case) => Redirect::to(&format!("/cases/{}", quoted(&case.id))).into_response(),
        Err(problem) if matches!(problem.status, 400 | 409 | 413) => {
            let wrong = told(visitor.lang, &problem);
            match list_page(&console, &visitor, "", [id, title, &wrong]).await {
                Ok(page) => html(status(&problem), &page),
                Err(problem) => console.fault(&visitor, &problem),
            }
        }
        Err(problem) => console.fault(&visitor, &problem),
    }
}

/// One case.
pub async fn show(State(console): State<Arc<Console>>, visitor: Visitor, Path(id): Path<String>) -> Response {
    let page = case_page(&console, &visitor, &id, "", "").await;
    console.shown(&visitor, page)
}

/// Closes a case.
pub async fn close(State(console): State<Arc<Console>>, Path(id): Path<String>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let reason = fields.get("reason").trim().to_owned();
    let path = format!("/v1/cases/{}", quoted(&id));
    let wrong = if reason.is_empty() {
        Err(Problem::wrong("reason", visitor.lang.of("理由を書いてください。", "Write down why.")))
    } else {
        let closing = Closing { reason: reason.clone() };
        console.post::<Noted>(&visitor, &format!("{path}/close"), &closing).await
    };
    match wrong {
        Ok(_) => Redirect::to(&format!("/cases/{}", quoted(&id))).into_response(),
        Err(problem) if matches!(problem.status, 400 | 409 | 413) => {
            let wrong = told(visitor.lang, &problem);
            match case_page(&console, &visitor, &id, &reason, &wrong).await {
                Ok(page) => html(status(&problem), &page),
                Err(problem) => console.fault(&visitor, &problem),
            }
        }
        Err(problem) => console.fault(&visitor, &problem),
    }
}

async fn list_page(
    console: &Console,
    visitor: &Visitor,
    which: &str,
    [id, title, wrong]: [&str; 3],
) -> Result<CasesPage, Problem> {
    let which = if matches!(which, "closed" | "all") { which } else { "open" };
    let cases: Cases = console.get(visitor, &format!("/v1/cases?which={which}")).await?;
    let row = |case: Case| Row {
        opened: local(case.opened.as_deref(), &console.zone),
        participants: case.participants.join(", "),
        case,
    };
    Ok(CasesPage {
        f: console.frame(visitor, "cases", visitor.lang.words().cases, "/cases"),
        which: which.to_owned(),
        rows: cases.cases.into_iter().map(row).collect(),
        may_open: visitor.actor.opens(tadoru_desk::Door::WorksCases),
        id: id.to_owned(),
        title: title.to_owned(),
        wrong: wrong.to_owned(),
    })
}

async fn case_page(
    console: &Console,
    visitor: &Visitor,
    id: &str,
    reason: &str,
    wrong: &str,
) -> Result<CasePage, Problem> {
    let path = format!("/v1/cases/{}", quoted(id));
    let Dossier { case, title, thread, sealed } = console.get(visitor, &path).await?;
    let lang = visitor.lang;
    let step = |entry: crate::api::cases::CaseEntry| Step {
        at: local(entry.at.as_deref(), &console.zone),
        what: word(lang, fixed::HAPPENED, &entry.what).to_owned(),
        by: entry.by,
        index: entry.journal_index,
        text: entry.text.unwrap_or_default(),
    };
    let heading = format!("{} {}", lang.words().case, case.id);
    let is_open = case.closed.is_none();
    Ok(CasePage {
        f: console.frame(visitor, "cases", &heading, &format!("/cases/{}", quoted(id))),
        opened: local(case.opened.as_deref(), &console.zone),
        closed: local(case.closed.as_deref(), &console.zone),
        case,
        title,
        sealed: sealed
            .map(|no| lang.of(&no.explanation_ja, &no.explanation_en).to_owned())
            .unwrap_or_default(),
        thread: thread.into_iter().map(step).collect(),
        may_close: is_open && visitor.actor.opens(tadoru_desk::Door::WorksCases),
        reason: reason.to_owned(),
        wrong: wrong.to_owned(),
    })
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST)
}
