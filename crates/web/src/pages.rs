//! The pages: each asks the routes as its visitor, and renders. What all of them have in common is here: the frame around a
//! page, forms that must come from it, and faults as a page.

pub mod admin;
pub mod approvals;
pub mod cases;
pub mod flows;
pub mod gate;
pub mod incidents;
pub mod journal;
pub mod overview;
pub mod own;
pub mod packs;
pub mod sources;
pub mod trace;

mod calendar;
mod figures;
mod ground;
mod opened;
mod picture;
mod times;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, FromRequest, FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use tadoru_desk::{Actor, Door};
use tadoru_model::UtcMicros;

use crate::api::problem::Problem;
use crate::api::shape::Moment;
use crate::assets;
use crate::console::Console;
use crate::words::fixed::{self, word};
use crate::words::{Lang, Words};

pub use self::opened::Opened;

/// Whoever looks at a page.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The person, in all of their roles.
    pub actor: Actor,
    /// Number of the session.
    pub session: u64,
    /// What every form has to bring back.
    pub csrf: String,
    /// How many things are open.
    pub open: usize,
    /// The language.
    pub lang: Lang,
}

/// What stands around every page.
pub(crate) struct Frame {
    w: &'static Words,
    lang: Lang,
    title: String,
    here: &'static str,
    rail: Vec<Rail>,
    operator: String,
    person: String,
    roles: Vec<String>,
    clock: Moment,
    open: usize,
    csrf: String,
    /// Where a change of the language leads back to.
    back: String,
    style: &'static str,
    script: &'static str,
    mark: &'static str,
}

/// A page in the rail.
struct Rail {
    name: &'static str,
    path: &'static str,
    key: &'static str,
    text: &'static str,
}

/// The fields of a form, in their order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(Vec<(String, String)>);

/// A form that was sent from a page of the visitor's own session.
pub struct Sent {
    /// Who sent it.
    pub visitor: Visitor,
    /// What.
    pub fields: Fields,
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    f: Frame,
    text: String,
    help: String,
}

impl Fields {
    /// The value of a field; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The fields whose names begin so, with the rest of the name.
    pub fn under<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

impl Console {
    /// What stands around the visitor's page.
    pub(crate) fn frame(&self, visitor: &Visitor, here: &'static str, title: &str, back: &str) -> Frame {
        let w = visitor.lang.words();
        let rail = RAIL.iter().filter(|(.., door)| door.is_none_or(|door| visitor.actor.opens(door)));
        let roles = visitor.actor.roles.iter();
        Frame {
            w,
            lang: visitor.lang,
            title: title.to_owned(),
            here,
            rail: rail.map(|(name, path, key, text, _)| Rail { name, path, key, text: text(w) }).collect(),
            operator: self.operator.clone(),
            person: visitor.actor.person.0.clone(),
            roles: roles.map(|role| word(visitor.lang, fixed::ROLES, role.as_str()).to_owned()).collect(),
            clock: Moment::of(seconds(self.keeper.desk_now()), &self.zone),
            open: visitor.open,
            csrf: visitor.csrf.clone(),
            back: back.to_owned(),
            style: assets::style(),
            script: assets::script(),
            mark: assets::mark(),
        }
    }

    /// A page, or what was wrong as one.
    pub(crate) fn shown<T: Template>(&self, visitor: &Visitor, page: Result<T, Problem>) -> Response {
        match page {
            Ok(page) => html(StatusCode::OK, &page),
            Err(problem) => self.fault(visitor, &problem),
        }
    }

    /// What was wrong, as a page.
    pub(crate) fn fault(&self, visitor: &Visitor, problem: &Problem) -> Response {
        let lang = visitor.lang;
        let f = self.frame(visitor, "", lang.words().fault_title, "/");
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = if status == StatusCode::FORBIDDEN && problem.error.code == "role" {
            lang.words().fault_role.to_owned()
        } else {
            told(lang, problem)
        };
        // What the API says further is English.
        let help = if lang == Lang::En { problem.error.help.clone() } else { String::new() };
        html(status, &FaultPage { f, text, help })
    }
}

/// Closes what is open in the session.
pub async fn seal(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    console.sessions.close_all(sent.visitor.session);
    Redirect::to("/trace").into_response()
}

/// What is wrong, in the visitor's language.
pub(crate) fn told(lang: Lang, problem: &Problem) -> String {
    let code = problem.error.code.as_str();
    let known = word(lang, fixed::FAULTS, code);
    if known == code { problem.error.message.clone() } else { known.to_owned() }
}

/// A number with thousands separators.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A text for a path or a query: everything but unreserved characters in percent form (RFC 3986, 2.3).
pub(crate) fn quoted(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => char::from(b).to_string(),
            // A dot alone would be a step in the path.
            b'.' if text.len() > 2 => ".".to_owned(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

const fn seconds(at: UtcMicros) -> UtcMicros {
    UtcMicros(at.0 - at.0.rem_euclid(1_000_000))
}

// --- extractors ---------------------------------------------------------------------------------------------------

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Redirect::to("/sign-in").into_response())
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

impl FromRequest<Arc<Console>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = <Visitor as FromRequestParts<_>>::from_request_parts(&mut parts, console).await?;
        let form = Form::<Fields>::from_request(Request::from_parts(parts, body), console).await;
        let fields = form.map(|Form(fields)| fields).unwrap_or_default();
        let (sent, wanted) = (fields.get("csrf").as_bytes(), visitor.csrf.as_bytes());
        if aws_lc_rs::constant_time::verify_slices_are_equal(sent, wanted).is_ok() {
            return Ok(Self { visitor, fields });
        }
        let w = visitor.lang.words();
        let f = console.frame(&visitor, "", w.csrf_title, "/");
        let page = FaultPage { f, text: w.csrf_text.to_owned(), help: String::new() };
        Err(html(StatusCode::FORBIDDEN, &page))
    }
}

type RailRow = (&'static str, &'static str, &'static str, fn(&'static Words) -> &'static str, Option<Door>);

/// The pages of the rail: name, path, key behind `g`, word, and the door that it takes.
const RAIL: [RailRow; 10] = [
    ("overview", "/", "o", |w| w.overview, None),
    ("trace", "/trace", "t", |w| w.trace, None),
    ("incidents", "/incidents", "i", |w| w.incidents, Some(Door::ReadsFlows)),
    ("flows", "/flows", "f", |w| w.flows, Some(Door::ReadsFlows)),
    ("sources", "/sources", "s", |w| w.sources, None),
    ("cases", "/cases", "c", |w| w.cases, Some(Door::SeesCases)),
    ("approvals", "/approvals", "a", |w| w.approvals, None),
    ("gate", "/gate", "r", |w| w.gate, None),
    ("journal", "/journal", "j", |w| w.journal, Some(Door::ReadsJournal)),
    ("admin", "/admin", "m", |w| w.admin, Some(Door::RunsSystem)),
];
