//! Incidents: the list that follows the desk, and one of them, sealed until a permit opens it.
//!
//! The list is what an aggregate may tell. Opening one is a deed of its own, with the rule's sentence before and the journal
//! entry after; following it to where it came in is another, under another rule.

mod course;
mod live;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use self::course::Course;
use self::told::Detail;
use super::figures::{bits, lasted, packets};
use super::ground::{No, Rules, Wish, Wrong};
use super::opened::Opened;
use super::times::local;
use super::{Fields, Frame, Sent, Visitor, html, number, quoted};
use crate::api::incidents::{
    IncidentAnswer, IncidentBrief, IncidentLine, IncidentList, IncidentTold, IncidentsAnswer,
};
use crate::api::ingress::{IngressAnswer, Traced};
use crate::api::problem::Problem;
use crate::assets;
use crate::console::Console;
use crate::words::Lang;
use crate::words::fixed::word;
use crate::words::seen;

pub use self::live::stream;

/// An incident that is open in a session.
pub struct InFull {
    pub(super) told: IncidentTold,
    pub(super) case: String,
    /// Its strength by vector, from its own recorded flows.
    course: Option<Course>,
    /// Where it came in, once it was followed.
    ingress: Option<Traced>,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct ListPage {
    f: Frame,
    which: &'static str,
    rows: Vec<Row>,
    told: String,
    of: String,
    rule: String,
    journal_index: u64,
    refused: Option<No>,
}

/// An incident as a row.
struct Row {
    id: String,
    target: String,
    start: String,
    cells: Cells,
    is_open: bool,
}

/// What of a row changes while it goes on.
#[derive(serde::Serialize)]
struct Cells {
    state: String,
    vector: String,
    direction: String,
    scope: String,
    lasted: String,
    peak_packets: String,
    peak_bits: String,
    now_packets: String,
    now_bits: String,
    sure: String,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    f: Frame,
    row: Row,
    case: String,
    wrong: Wrong,
    rules: Option<Rules>,
    refused: Option<No>,
    detail: Option<Detail>,
    follow: Option<Rules>,
    recipients: [(&'static str, &'static str); 3],
}

/// The list.
pub async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Query(asked): Query<Fields>,
) -> Response {
    let page = list_page(&console, &visitor, &asked).await;
    console.shown(&visitor, page)
}

/// One of them: as an aggregate, or in full where it is open in the session.
pub async fn show(State(console): State<Arc<Console>>, visitor: Visitor, Path(id): Path<String>) -> Response {
    page(&console, &visitor, &id, String::new(), Wrong::default(), None).await
}

/// Opens one in full.
pub async fn open(State(console): State<Arc<Console>>, Path(id): Path<String>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let case = fields.get("case").trim().to_owned();
    let turn = console.sessions.turn(visitor.session);
    let _held = turn.lock().await;
    let there = Redirect::to(&format!("/incidents/{}", quoted(&id)));
    if kept(&console, &visitor, &id).is_some() {
        return there.into_response();
    }
    let path = in_case(&format!("/v1/incidents/{}", quoted(&id)), &case);
    match console.get::<IncidentAnswer>(&visitor, &path).await {
        Ok(IncidentAnswer::Told(told)) => {
            let course = Course::of(&console, &visitor, &told, &case).await;
            keep(&console, &visitor, InFull { told: *told, case, course, ingress: None });
            there.into_response()
        }
        Ok(IncidentAnswer::Refused(refused)) => {
            let no = No::of(visitor.lang, &refused.refusal);
            page(&console, &visitor, &id, case, Wrong::default(), Some(no)).await
        }
        Err(problem) => wrong(&console, &visitor, &id, case, &problem).await,
    }
}

/// Follows one that is open to where it came in.
pub async fn follow(State(console): State<Arc<Console>>, Path(id): Path<String>, sent: Sent) -> Response {
    let visitor = sent.visitor;
    let turn = console.sessions.turn(visitor.session);
    let _held = turn.lock().await;
    let there = Redirect::to(&format!("/incidents/{}#ways-in", quoted(&id)));
    let Some(opened) = kept(&console, &visitor, &id) else { return there.into_response() };
    let Opened::Incident(incident) = &*opened else { return there.into_response() };
    if incident.ingress.is_some() {
        return there.into_response();
    }
    let path = in_case(&format!("/v1/incidents/{}/ingress", quoted(&id)), &incident.case);
    match console.get::<IngressAnswer>(&visitor, &path).await {
        Ok(IngressAnswer::Traced(traced)) => {
            let (told, case) = (incident.told.clone(), incident.case.clone());
            let course = incident.course.clone();
            keep(&console, &visitor, InFull { told, case, course, ingress: Some(*traced) });
            there.into_response()
        }
        Ok(IngressAnswer::Refused(refused)) => {
            let no = No::of(visitor.lang, &refused.refusal);
            page(&console, &visitor, &id, incident.case.clone(), Wrong::default(), Some(no)).await
        }
        Err(problem) => console.fault(&visitor, &problem),
    }
}

async fn wrong(console: &Console, visitor: &Visitor, id: &str, case: String, problem: &Problem) -> Response {
    if !problem.error.code.starts_with("case") {
        return console.fault(visitor, problem);
    }
    page(console, visitor, id, case, Wrong::of(visitor.lang, problem, &[("case", &[])]), None).await
}

async fn list_page(console: &Console, visitor: &Visitor, asked: &Fields) -> Result<ListPage, Problem> {
    let lang = visitor.lang;
    let which = match asked.get("which") {
        "open" => "open",
        "ended" => "ended",
        _ => "all",
    };
    let answer: IncidentsAnswer = console.get(visitor, &format!("/v1/incidents?which={which}")).await?;
    let back = if which == "all" { "/incidents".to_owned() } else { format!("/incidents?which={which}") };
    let f = console.frame(visitor, "incidents", lang.words().incidents, &back);
    let (list, refused) = match answer {
        IncidentsAnswer::Listed(list) => (*list, None),
        IncidentsAnswer::Refused(refused) => (nothing(), Some(No::of(lang, &refused.refusal))),
    };
    Ok(ListPage {
        f,
        which,
        rows: list.incidents.iter().map(|line| Row::of(console, lang, line)).collect(),
        told: number(list.incidents.len() as u64),
        of: number(list.of),
        rule: list.rule,
        journal_index: list.journal_index,
        refused,
    })
}

fn nothing() -> IncidentList {
    IncidentList {
        outcome: String::new(),
        incidents: Vec::new(),
        of: 0,
        rule: String::new(),
        journal_index: 0,
    }
}

/// The page of one incident; what is wrong or refused comes with what was typed.
async fn page(
    console: &Console,
    visitor: &Visitor,
    id: &str,
    case: String,
    wrong: Wrong,
    refused: Option<No>,
) -> Response {
    let status = if wrong.text.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    match incident_page(console, visitor, id, case, wrong, refused).await {
        Ok(page) => html(status, &page),
        Err(problem) => console.fault(visitor, &problem),
    }
}

async fn incident_page(
    console: &Console,
    visitor: &Visitor,
    id: &str,
    case: String,
    wrong: Wrong,
    refused: Option<No>,
) -> Result<IncidentPage, Problem> {
    let lang = visitor.lang;
    let line = line(console, visitor, id).await?;
    let opened = kept(console, visitor, id);
    let detail = match opened.as_deref() {
        Some(Opened::Incident(incident)) => Some(Detail::of(console, lang, incident)),
        _ => None,
    };
    let is_followed = detail.as_ref().is_some_and(|detail| detail.traced.is_some());
    let found = [("incident.id", id), ("scope.attack_only", "yes")];
    let of = async |purpose| {
        let wish = Wish { act: "learn", data: &["FLOW"], purpose, basis: "", found: &found };
        Rules::of(console, visitor, &wish, &BTreeMap::new()).await
    };
    let rules = if detail.is_none() { Some(of("PROT-OWN").await?) } else { None };
    let follow = if detail.is_some() && !is_followed { Some(of("TRACE-IN").await?) } else { None };
    let w = lang.words();
    let title = format!("{} {}", w.incident, line.brief.id);
    Ok(IncidentPage {
        f: console.frame(visitor, "incidents", &title, &format!("/incidents/{}", quoted(id))),
        row: Row::of(console, lang, &line),
        case,
        wrong,
        rules,
        refused,
        detail,
        follow,
        recipients: super::packs::RECIPIENTS.map(|code| (code, word(lang, seen::RECIPIENTS, code))),
    })
}

/// The line of one incident.
pub(super) async fn line(console: &Console, visitor: &Visitor, id: &str) -> Result<IncidentLine, Problem> {
    let none = || Problem::new(StatusCode::NOT_FOUND, "no-such-incident", "there is no such incident");
    match console.get(visitor, "/v1/incidents").await? {
        IncidentsAnswer::Listed(list) => {
            list.incidents.into_iter().find(|line| line.brief.id == id).ok_or_else(none)
        }
        IncidentsAnswer::Refused(_) => Err(none()),
    }
}

impl Row {
    fn of(console: &Console, lang: Lang, line: &IncidentLine) -> Self {
        let IncidentLine { brief, target } = line;
        let target = if target.is_empty() { "—" } else { word(lang, seen::SCOPES, target) };
        Self {
            id: brief.id.clone(),
            target: target.to_owned(),
            start: local(brief.start.as_deref(), &console.zone),
            cells: Cells::of(lang, brief),
            is_open: brief.state != "ended",
        }
    }
}

impl Cells {
    fn of(lang: Lang, brief: &IncidentBrief) -> Self {
        let of = |list, code: &str| word(lang, list, code).to_owned();
        Self {
            state: of(seen::STATES, &brief.state),
            vector: brief.vector.clone(),
            direction: of(seen::DIRECTIONS, &brief.direction),
            scope: of(seen::SCOPES, &brief.scope),
            lasted: lasted(brief.start.as_deref(), brief.last.as_deref()),
            peak_packets: packets(brief.peak.packets_per_s),
            peak_bits: bits(brief.peak.bits_per_s),
            now_packets: packets(brief.now.packets_per_s),
            now_bits: bits(brief.now.bits_per_s),
            sure: of(seen::SURENESS, &brief.sure),
        }
    }
}

/// The incident as it is open in the visitor's session.
fn kept(console: &Console, visitor: &Visitor, id: &str) -> Option<Arc<Opened>> {
    console.sessions.kept(visitor.session, &name(id)).filter(|opened| opened.holds(console))
}

fn keep(console: &Console, visitor: &Visitor, incident: InFull) {
    let name = name(&incident.told.id);
    console.sessions.keep(visitor.session, &name, Arc::new(Opened::Incident(Box::new(incident))));
}

fn name(id: &str) -> String {
    format!("incident {id}")
}

fn in_case(path: &str, case: &str) -> String {
    if case.is_empty() { path.to_owned() } else { format!("{path}?case={}", quoted(case)) }
}
