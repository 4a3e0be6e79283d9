//! Recorded flows: a question in the filters' language, its answer with export, and one that is under way.
//!
//! A question runs beside the page that asked it: a page that waits says how long it has been waiting, and can be told to
//! wait no longer. An answer lives in the session. What would show somebody is asked on the ground that is named here.

mod answer;
mod export;
mod typed;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use tokio::sync::watch;

use self::answer::{Shown, Table};
use self::typed::{Place, Typed};
use super::gate::{Choice, choices};
use super::ground::{No, Wrong, supplied};
use super::opened::Opened;
use super::{Fields, Frame, Sent, Visitor, html, number, quoted, trace};
use crate::api::filter::{FilterRead, FilterRequest};
use crate::api::flows::FlowsAnswer;
use crate::api::problem::Problem;
use crate::assets;
use crate::console::Console;
use crate::session;
use crate::words::fixed::{self, word};
use crate::words::{Lang, seen};

pub use self::export::export;

/// A question about flows, answered or under way.
pub struct Run {
    pub(super) typed: Typed,
    began: Instant,
    state: Mutex<Stage>,
    /// Becomes true at its end.
    ended: watch::Sender<bool>,
}

/// How far a question is.
#[derive(Clone)]
enum Stage {
    UnderWay(Option<tokio::task::AbortHandle>),
    GivenUp,
    Answered(Arc<FlowsAnswer>),
    Failed(Problem),
}

#[derive(Template)]
#[template(path = "flows.html")]
struct FlowsPage {
    f: Frame,
    once: String,
    typed: Typed,
    wrong: Wrong,
    place: Option<Place>,
    views: [(&'static str, &'static str); 4],
    lasts: Vec<Choice>,
    keys: Vec<Choice>,
    measures: Vec<Choice>,
    purposes: Vec<Choice>,
    bases: Vec<Choice>,
    facts: Vec<super::ground::Fact>,
    /// Address of the answer.
    at: String,
    shown: Option<Shown>,
    refused: Option<No>,
    waits_s: Option<String>,
    is_given_up: bool,
}

/// The empty form; an incident's link fills it in.
pub async fn form(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Query(asked): Query<Fields>,
) -> Response {
    if let Err(problem) = may(&visitor) {
        return console.fault(&visitor, &problem);
    }
    page(&console, &visitor, Typed::of(&asked), Wrong::default(), None, "").await
}

/// Asks, and goes on to the answer. The same form sent twice asks once.
pub async fn ask(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    if let Err(problem) = may(&visitor) {
        return console.fault(&visitor, &problem);
    }
    let (typed, once) = (Typed::of(&fields), fields.get("once").to_owned());
    if once.len() != 64 || !once.bytes().all(|b| b.is_ascii_hexdigit()) {
        return page(&console, &visitor, typed, Wrong::default(), None, "").await;
    }
    let query = match typed.query(&console.zone, console.keeper.desk_now()) {
        Ok(query) => query,
        Err(problem) => return wrong_page(&console, &visitor, typed, &problem).await,
    };
    let there = Redirect::to(&format!("/flows/answers/{once}"));
    let run = {
        let turn = console.sessions.turn(visitor.session);
        let _held = turn.lock().await;
        if console.sessions.kept(visitor.session, &once).is_some() {
            return there.into_response();
        }
        let run = Arc::new(Run::of(typed));
        console.sessions.keep(visitor.session, &once, Arc::new(Opened::Flows(Arc::clone(&run))));
        run
    };
    let (asking, asks, asked) = (Arc::clone(&console), visitor.clone(), Arc::clone(&run));
    let task = tokio::spawn(async move {
        let answer = asking.post::<FlowsAnswer>(&asks, "/v1/flows", &query).await;
        asked.end(answer.map_or_else(Stage::Failed, |answer| Stage::Answered(Arc::new(answer))));
    });
    run.holds_by(task.abort_handle());
    run.wait(AT_ONCE).await;
    match run.stage() {
        Stage::Failed(problem) => wrong_page(&console, &visitor, run.typed.clone(), &problem).await,
        _ => there.into_response(),
    }
}

/// An answer that is open, or one that is waited for.
pub async fn answer(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Response {
    let Some(run) = kept(&console, &visitor, &name) else {
        return trace::gone(&console, &visitor, "flows", "/flows");
    };
    run.wait(AT_ONCE).await;
    match run.stage() {
        Stage::Failed(problem) => wrong_page(&console, &visitor, run.typed.clone(), &problem).await,
        _ => page(&console, &visitor, run.typed.clone(), Wrong::default(), Some(&run), &name).await,
    }
}

/// Waits no longer for an answer.
pub async fn give_up(State(console): State<Arc<Console>>, Path(name): Path<String>, sent: Sent) -> Response {
    if let Some(run) = kept(&console, &sent.visitor, &name) {
        run.give_up();
    }
    Redirect::to(&format!("/flows/answers/{}", quoted(&name))).into_response()
}

/// What could stand at a place of a filter, and what is wrong with it, for the script of the page.
pub async fn words(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let filter = fields.get("filter").to_owned();
    let at = fields.get("at").parse().ok();
    match console.post::<FilterRead>(&visitor, "/v1/flows/filter", &FilterRequest { filter, at }).await {
        Ok(read) => {
            let text = fields.get("filter");
            // What is not yet written is no fault while it is being written.
            let fault = read.fault.filter(|fault| fault.code != "unfinished");
            let fault = fault.map(|fault| Place::of(visitor.lang, text, &fault).told());
            Json(json!({"words": read.expected, "fault": fault.unwrap_or_default()})).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// The page asks nothing of those whose roles open no flows.
fn may(visitor: &Visitor) -> Result<(), Problem> {
    let door = tadoru_desk::Door::ReadsFlows;
    if visitor.actor.opens(door) { Ok(()) } else { Err(Problem::role(door.roles())) }
}

fn kept(console: &Console, visitor: &Visitor, name: &str) -> Option<Arc<Run>> {
    match &*console.sessions.kept(visitor.session, name)? {
        Opened::Flows(run) => Some(Arc::clone(run)),
        _ => None,
    }
}

async fn wrong_page(console: &Console, visitor: &Visitor, typed: Typed, problem: &Problem) -> Response {
    if problem.status >= 500 || problem.status == 403 && problem.error.code == "role" {
        return console.fault(visitor, problem);
    }
    let fields: &[(&'static str, &[&str])] = &[
        ("filter", &["filter"]),
        ("since", &["since"]),
        ("until", &["until"]),
        ("top", &["page-keys", "top", "by", "count"]),
        ("step", &["series", "skew"]),
        ("rows", &["page-rows", "rows"]),
        ("once", &["once"]),
        ("incident", &["incident", "no-such-incident"]),
        ("case", &["case-id", "case-closed", "question", "time"]),
        ("basis", &["basis", "purpose"]),
        ("facts", &["facts", "unknown-fact", "derived-fact", "may-not-state"]),
    ];
    page(console, visitor, typed, Wrong::of(visitor.lang, problem, fields), None, "").await
}

async fn page(
    console: &Console,
    visitor: &Visitor,
    typed: Typed,
    wrong: Wrong,
    run: Option<&Run>,
    name: &str,
) -> Response {
    let lang = visitor.lang;
    let Some(once) = session::random() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let mut place = None;
    if wrong.at("filter") {
        let request = FilterRequest { filter: typed.filter.clone(), at: None };
        let read = console.post::<FilterRead>(visitor, "/v1/flows/filter", &request).await;
        place = read.ok().and_then(|read| read.fault).map(|fault| Place::of(lang, &typed.filter, &fault));
    }
    let stage = run.map(Run::stage);
    let (mut shown, mut refused, mut facts) = (None, None, Vec::new());
    if let Some(Stage::Answered(answer)) = &stage {
        match &**answer {
            FlowsAnswer::Refused(no) => {
                facts = supplied(visitor, &no.refusal.missing, &typed.facts).0;
                refused = Some(No::of(lang, &no.refusal));
            }
            answer => shown = Some(Shown::of(console, lang, &typed, answer)),
        }
    }
    if facts.is_empty() {
        facts = supplied(visitor, &[], &typed.facts).0;
    }
    let waits_s = match (&stage, run) {
        (Some(Stage::UnderWay(_)), Some(run)) => Some(format!("{} s", run.began.elapsed().as_secs())),
        _ => None,
    };
    let status = if wrong.text.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let at = if run.is_some() { format!("/flows/answers/{}", quoted(name)) } else { "/flows".to_owned() };
    let views = ["sums", "top", "series", "rows"].map(|code| (code, word(lang, seen::VIEWS, code)));
    let page = FlowsPage {
        f: console.frame(visitor, "flows", lang.words().flows, &at),
        once,
        views,
        lasts: choices(lang, seen::LASTS, &typed.last),
        keys: choices(lang, seen::KEYS, &typed.key),
        measures: choices(lang, seen::MEASURES, &typed.by),
        purposes: choices(lang, fixed::PURPOSES, &typed.purpose),
        bases: choices(lang, fixed::BASES, &typed.basis),
        is_given_up: matches!(stage, Some(Stage::GivenUp)),
        typed,
        wrong,
        place,
        facts,
        at,
        shown,
        refused,
        waits_s,
    };
    html(status, &page)
}

impl Run {
    fn of(typed: Typed) -> Self {
        Self {
            typed,
            began: Instant::now(),
            state: Mutex::new(Stage::UnderWay(None)),
            ended: watch::channel(false).0,
        }
    }

    /// Whether its answer shows somebody.
    pub(super) fn shows_somebody(&self) -> bool {
        match self.stage() {
            Stage::Answered(answer) => match &*answer {
                FlowsAnswer::Listed(_) | FlowsAnswer::Said(_) => true,
                FlowsAnswer::Told(_) => !self.typed.incident.is_empty() || !self.typed.purpose.is_empty(),
                FlowsAnswer::Refused(_) => false,
            },
            _ => false,
        }
    }

    fn stage(&self) -> Stage {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its task, unless it has ended by now.
    fn holds_by(&self, task: tokio::task::AbortHandle) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Stage::UnderWay(holds) = &mut *state {
            *holds = Some(task);
        }
    }

    fn end(&self, stage: Stage) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, Stage::UnderWay(_)) {
            *state = stage;
        }
        drop(state);
        self.ended.send_replace(true);
    }

    fn give_up(&self) {
        if let Stage::UnderWay(Some(task)) = self.stage() {
            task.abort();
        }
        self.end(Stage::GivenUp);
    }

    /// Waits for its end, but not longer than that.
    async fn wait(&self, most: Duration) {
        let mut ended = self.ended.subscribe();
        let _ = tokio::time::timeout(most, ended.wait_for(|ended| *ended)).await;
    }
}

/// So long a page waits before it says that it waits.
const AT_ONCE: Duration = Duration::from_millis(400);
