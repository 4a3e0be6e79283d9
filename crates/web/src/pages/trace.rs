//! The trace desk: a complaint in, its reading shown back, the ground beside the rule's own sentence, and the answer.
//!
//! Three steps, each a page of its own: what was typed, how it would be read and what the rules take, the answer. Only the
//! second step's button asks anything. An answer lives in the session, until its permit ends or somebody closes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::gate::{Choice, choices};
use super::ground::{self, Fact, No, Other};
use super::opened::{OpenRow, Opened};
use super::picture::{Chain, TimeLine, chain, time_line};
use super::times::local;
use super::{Fields, Frame, Sent, Visitor, html, told};
use crate::api::NumberOrText;
use crate::api::gate::{ExplainRequest, Explained};
use crate::api::problem::Problem;
use crate::api::read_back::{ReadBack, ReadingRequest};
use crate::api::shape::{Answered, Candidate, Hop, Moment, WhoAnswer};
use crate::api::who::WhoRequest;
use crate::console::Console;
use crate::session;
use crate::words::Lang;
use crate::words::fixed::{self, word};

/// A question and its answer.
pub struct Asked {
    pub(super) request: WhoRequest,
    pub(super) answer: WhoAnswer,
}

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    f: Frame,
    typed: Typed,
    wrong: Wrong,
    purposes: Vec<Choice>,
    bases: Vec<Choice>,
    read: Option<Read>,
    open: Vec<OpenRow>,
}

/// What was typed, as it was typed.
#[derive(Default, Clone)]
struct Typed {
    line: String,
    address: String,
    port: String,
    at: String,
    proto: String,
    to: String,
    skew: String,
    realm: String,
    case: String,
    purpose: String,
    basis: String,
    facts: BTreeMap<String, String>,
}

/// What is wrong, at which field; readings that may have been meant.
#[derive(Default)]
struct Wrong {
    field: &'static str,
    text: String,
    likely: Vec<String>,
}

/// How it was read, and what the rules take.
struct Read {
    back: ReadBack,
    endpoint: String,
    warnings: Vec<(String, Option<String>)>,
    explained: Explained,
    verdict: String,
    facts: Vec<Fact>,
    others: Vec<Other>,
    once: String,
}

#[derive(Template)]
#[template(path = "answer.html")]
struct AnswerPage {
    f: Frame,
    outcome: String,
    word: String,
    sentence: String,
    endpoint: String,
    proto: String,
    to: String,
    asked: Vec<Moment>,
    skew: String,
    case: String,
    purpose: String,
    request: WhoRequest,
    port: String,
    answered: Option<Found>,
    refused: Option<No>,
}

/// What the records say, drawn.
struct Found {
    answered: Box<Answered>,
    rule_text: String,
    basis: String,
    until: String,
    candidates: Vec<Row>,
    chains: Vec<Chain>,
    line: Option<TimeLine>,
    narrow: Vec<String>,
}

struct Row {
    candidate: Candidate,
    named_by: String,
    certainty: String,
    doubts: String,
    from: String,
    until: String,
    hops: Vec<HopRow>,
}

struct HopRow {
    hop: Hop,
    kind: String,
    ports: String,
    from: String,
    until: String,
}

#[derive(Template)]
#[template(path = "gone.html")]
struct GonePage {
    f: Frame,
    path: &'static str,
}

/// The empty desk.
pub async fn form(State(console): State<Arc<Console>>, visitor: Visitor) -> Response {
    let typed = Typed { purpose: USUAL_PURPOSE.to_owned(), ..Typed::default() };
    html(StatusCode::OK, &page(&console, &visitor, typed, Wrong::default(), None))
}

/// Reads what was typed and shows it back. Nothing is asked.
pub async fn read_back(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    read_page(&console, &visitor, Typed::of(&fields), None).await
}

/// Asks, and goes on to the answer. The same form sent twice asks once.
pub async fn ask(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let (typed, once) = (Typed::of(&fields), fields.get("once").to_owned());
    if once.len() != 64 || !once.bytes().all(|b| b.is_ascii_hexdigit()) {
        return read_page(&console, &visitor, typed, None).await;
    }
    let turn = console.sessions.turn(visitor.session);
    let _held = turn.lock().await;
    let there = Redirect::to(&format!("/trace/answers/{once}"));
    if console.sessions.kept(visitor.session, &once).is_some() {
        return there.into_response();
    }
    let request = typed.request();
    match console.post::<WhoAnswer>(&visitor, "/v1/who", &request).await {
        Ok(answer) => {
            let opened = Opened::Answer(Box::new(Asked { request, answer }));
            console.sessions.keep(visitor.session, &once, Arc::new(opened));
            there.into_response()
        }
        Err(problem) if problem.status < 500 => read_page(&console, &visitor, typed, Some(problem)).await,
        Err(problem) => console.fault(&visitor, &problem),
    }
}

/// An answer that is open.
pub async fn answer(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Response {
    let opened = console.sessions.kept(visitor.session, &name);
    match opened.as_deref() {
        Some(opened @ Opened::Answer(asked)) if opened.holds(&console) => {
            html(StatusCode::OK, &answer_page(&console, &visitor, &name, asked))
        }
        _ => gone(&console, &visitor, "trace", "/trace"),
    }
}

/// That something is no longer open.
pub(super) fn gone(console: &Console, visitor: &Visitor, here: &'static str, path: &'static str) -> Response {
    let f = console.frame(visitor, here, visitor.lang.words().answer, path);
    html(StatusCode::GONE, &GonePage { f, path })
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let of = |name: &str| fields.get(name).to_owned();
        Self {
            line: of("line"),
            address: of("address"),
            port: of("port"),
            at: of("at"),
            proto: of("proto"),
            to: of("to"),
            skew: of("skew"),
            realm: of("realm"),
            case: of("case").trim().to_owned(),
            purpose: of("purpose"),
            basis: of("basis"),
            facts: fields
                .under("fact.")
                .filter(|(_, value)| !value.trim().is_empty())
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        }
    }

    fn reading(&self) -> ReadingRequest {
        ReadingRequest {
            line: Some(self.line.clone()).filter(|line| !line.trim().is_empty()),
            address: self.address.clone(),
            port: self.port.clone(),
            at: self.at.clone(),
            proto: self.proto.clone(),
            to: self.to.clone(),
            skew: self.skew.clone(),
            realm: self.realm.clone(),
        }
    }

    fn request(&self) -> WhoRequest {
        let told = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        WhoRequest {
            address: self.address.clone(),
            port: told(&self.port).map(NumberOrText::Text),
            at: vec![self.at.clone()],
            proto: told(&self.proto),
            to: told(&self.to),
            skew: told(&self.skew),
            realm: told(&self.realm),
            case: self.case.clone(),
            purpose: self.purpose.clone(),
            basis: told(&self.basis),
            facts: self.facts.clone(),
            attached: None,
        }
    }
}

/// The desk with the reading, or with what is wrong at the field.
async fn read_page(console: &Console, visitor: &Visitor, typed: Typed, wrong: Option<Problem>) -> Response {
    let lang = visitor.lang;
    let back = console.post::<ReadBack>(visitor, "/v1/reading", &typed.reading()).await;
    let back = match back {
        Ok(back) => back,
        Err(problem) if problem.status == 400 => {
            let wrong = Wrong::of(lang, &problem);
            return html(StatusCode::BAD_REQUEST, &page(console, visitor, typed, wrong, None));
        }
        Err(problem) => return console.fault(visitor, &problem),
    };
    // From here on the line's parts stand in their fields.
    let texts = back.texts.clone();
    let typed = Typed { address: texts.address, port: texts.port, at: texts.at, ..typed };
    let wish = ExplainRequest {
        act: "learn".to_owned(),
        data: vec!["ASGN".to_owned()],
        purpose: typed.purpose.clone(),
        basis: Some(typed.basis.clone()).filter(|basis| !basis.is_empty()),
        facts: BTreeMap::new(),
        lang: Some(lang.as_str().to_owned()),
    };
    let explained = match console.post::<Explained>(visitor, "/v1/gate/explain", &wish).await {
        Ok(explained) => explained,
        Err(problem) if problem.status == 400 => {
            let wrong = Wrong::of(lang, &problem);
            return html(StatusCode::BAD_REQUEST, &page(console, visitor, typed, wrong, None));
        }
        Err(problem) => return console.fault(visitor, &problem),
    };
    let Some(once) = session::random() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let wrong = wrong.map(|problem| Wrong::of(lang, &problem)).unwrap_or_default();
    let read = Read::of(visitor, back, explained, &typed, once);
    html(status, &page(console, visitor, typed, wrong, Some(read)))
}

fn page(console: &Console, visitor: &Visitor, typed: Typed, wrong: Wrong, read: Option<Read>) -> TracePage {
    let lang = visitor.lang;
    let open =
        console.sessions.all_kept(visitor.session).into_iter().filter(|(_, opened)| opened.holds(console));
    TracePage {
        f: console.frame(visitor, "trace", lang.words().trace, "/trace"),
        purposes: choices(lang, fixed::PURPOSES, &typed.purpose),
        bases: choices(lang, fixed::BASES, &typed.basis),
        typed,
        wrong,
        read,
        open: open
            .filter(|(_, opened)| opened.shows_somebody())
            .map(|(name, opened)| opened.row(&name, lang))
            .collect(),
    }
}

impl Wrong {
    fn of(lang: Lang, problem: &Problem) -> Self {
        let code = problem.error.code.as_str();
        let field = match code {
            "line" => "line",
            "port" | "two-ports" => "port",
            "to" | "to-port" => "to",
            "proto" => "proto",
            "skew" => "skew",
            "realm" => "realm",
            "purpose" => "purpose",
            "basis" => "basis",
            "unknown-fact" | "derived-fact" | "may-not-state" | "facts" => "facts",
            _ if code.starts_with("time") || code == "at" => "at",
            _ if code.starts_with("address") => "address",
            _ => "case",
        };
        Self { field, text: told(lang, problem), likely: problem.error.likely.clone() }
    }

    fn at(&self, field: &str) -> bool {
        !self.text.is_empty() && self.field == field
    }
}

impl Read {
    fn of(visitor: &Visitor, back: ReadBack, explained: Explained, typed: &Typed, once: String) -> Self {
        let lang = visitor.lang;
        let warnings = back
            .reading
            .warnings
            .iter()
            .map(|warned| (word(lang, fixed::WARNINGS, &warned.code).to_owned(), warned.likely.clone()));
        let ground::Rules { explained, verdict, facts, others } =
            ground::Rules::told(visitor, explained, &typed.facts);
        Self {
            endpoint: endpoint(&back.question.address, back.question.port),
            warnings: warnings.collect(),
            verdict,
            explained,
            facts,
            others,
            once,
            back,
        }
    }
}

fn answer_page(console: &Console, visitor: &Visitor, name: &str, opened: &Asked) -> AnswerPage {
    let (lang, zone) = (visitor.lang, &console.zone);
    let outcome = opened.answer.outcome().to_owned();
    let question = match &opened.answer {
        WhoAnswer::Answered(answered) => &answered.question,
        WhoAnswer::Refused(refused) => &refused.question,
    };
    let endpoint = endpoint(&question.address, question.port);
    let (mut answered, mut refused) = (None, None);
    match &opened.answer {
        WhoAnswer::Answered(found) => answered = Some(Found::of(lang, console, &endpoint, found)),
        WhoAnswer::Refused(no) => refused = Some(No::of(lang, &no.refusal)),
    }
    let title = format!("{}: {}", lang.words().answer, word(lang, fixed::OUTCOMES, &outcome));
    AnswerPage {
        f: console.frame(visitor, "trace", &title, &format!("/trace/answers/{name}")),
        word: word(lang, fixed::OUTCOMES, &outcome).to_owned(),
        sentence: word(lang, fixed::SENTENCES, &outcome).to_owned(),
        endpoint,
        proto: question.proto.clone(),
        to: question.to.clone().unwrap_or_default(),
        asked: question
            .at
            .iter()
            .map(|at| Moment {
                utc: local(Some(&at.utc), &jiff::tz::TimeZone::UTC),
                local: local(Some(&at.utc), zone),
            })
            .collect(),
        skew: if question.skew_ms == 0 { String::new() } else { format!("± {} ms", question.skew_ms) },
        case: opened.request.case.clone(),
        purpose: word(lang, fixed::PURPOSES, opened.request.purpose.trim_start_matches("P-")).to_owned(),
        port: match &opened.request.port {
            Some(NumberOrText::Text(text)) => text.clone(),
            Some(NumberOrText::Number(number)) => number.to_string(),
            None => String::new(),
        },
        request: opened.request.clone(),
        outcome,
        answered,
        refused,
    }
}

impl Found {
    fn of(lang: Lang, console: &Console, endpoint: &str, answered: &Answered) -> Self {
        let zone = &console.zone;
        let asked: Vec<String> = answered.question.at.iter().map(|at| at.utc.clone()).collect();
        let drawn = answered.candidates.iter().take(MOST_CHAINS);
        Self {
            rule_text: lang.of(&answered.permit.text_ja, &answered.permit.text_en).to_owned(),
            basis: answered
                .permit
                .basis
                .as_deref()
                .map(|basis| word(lang, fixed::BASES, basis).to_owned())
                .unwrap_or_default(),
            until: local(answered.permit.until.as_deref(), zone),
            candidates: answered.candidates.iter().map(|one| Row::of(lang, console, one)).collect(),
            chains: drawn.map(|one| chain(lang, zone, endpoint, one)).collect(),
            line: time_line(
                lang,
                zone,
                &answered.candidates,
                &answered.coverage,
                &asked,
                answered.question.skew_ms,
            ),
            narrow: answered
                .narrow_by
                .iter()
                .map(|code| word(lang, fixed::NARROW, code).to_owned())
                .collect(),
            answered: Box::new(answered.clone()),
        }
    }
}

impl Row {
    fn of(lang: Lang, console: &Console, candidate: &Candidate) -> Self {
        let doubts = candidate.doubts.iter().map(|code| word(lang, fixed::DOUBTS, code));
        Self {
            named_by: word(lang, fixed::NAMES, &candidate.named_by).to_owned(),
            certainty: word(lang, fixed::CERTAINTIES, &candidate.certainty).to_owned(),
            doubts: doubts.collect::<Vec<_>>().join(lang.of("、", "; ")),
            from: local(candidate.from.as_deref(), &console.zone),
            until: local(candidate.until.as_deref(), &console.zone),
            hops: candidate
                .path
                .iter()
                .map(|hop| HopRow {
                    kind: word(lang, fixed::KINDS, &hop.kind).to_owned(),
                    ports: hop.ports.map(|p| format!("{}–{}", p.low, p.high)).unwrap_or_default(),
                    from: local(hop.from.earliest.as_deref(), &console.zone),
                    until: local(hop.until.latest.as_deref(), &console.zone),
                    hop: hop.clone(),
                })
                .collect(),
            candidate: candidate.clone(),
        }
    }
}

fn endpoint(address: &str, port: Option<u16>) -> String {
    match port {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    }
}

/// The purpose that most complaints have.
const USUAL_PURPOSE: &str = "CLEAN";

/// Chains that are drawn.
const MOST_CHAINS: usize = 8;
