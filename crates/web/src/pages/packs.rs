//! Evidence packs of an incident: the rule for the recipient first, then the documents, which nobody sends from here.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::figures::octets;
use super::gate::{Choice, choices};
use super::ground::{No, Rules, Wish, Wrong};
use super::opened::Opened;
use super::{Fields, Frame, Sent, Visitor, html, quoted, trace};
use crate::api::packs::{PackAnswer, PackRequest, Packed};
use crate::api::problem::Problem;
use crate::console::Console;
use crate::session;
use crate::words::fixed::{self, word};
use crate::words::seen;

/// A pack that is open in a session.
pub struct Made {
    pub(super) incident: String,
    pub(super) case: String,
    recipient: &'static str,
    packed: Packed,
}

#[derive(Template)]
#[template(path = "pack.html")]
struct PackPage {
    f: Frame,
    id: String,
    once: String,
    typed: Typed,
    wrong: Wrong,
    rules: Rules,
    bases: Vec<Choice>,
    refused: Option<No>,
    recipients: [(&'static str, &'static str); 3],
}

#[derive(Template)]
#[template(path = "packed.html")]
struct PackedPage {
    f: Frame,
    name: String,
    recipient: String,
    made: Arc<Opened>,
    documents: Vec<(String, String, String)>,
}

impl PackedPage {
    /// The pack; the page is made of nothing else.
    fn of(&self) -> Option<&Made> {
        match &*self.made {
            Opened::Pack(made) => Some(made),
            _ => None,
        }
    }
}

/// What was typed, as it was typed.
#[derive(Default)]
struct Typed {
    recipient: &'static str,
    name: String,
    own: String,
    neighbour_as: String,
    case: String,
    basis: String,
    without_records: bool,
    facts: BTreeMap<String, String>,
}

/// For whom there are packs.
pub(super) const RECIPIENTS: [&str; 3] = ["victim", "neighbour", "association"];

/// The form for a recipient, with the rule's own sentence. Nothing is asked.
pub async fn form(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    page(&console, &visitor, &id, Typed::of(&asked), Wrong::default(), None).await
}

/// Makes a pack. The same form sent twice makes one.
pub async fn make(State(console): State<Arc<Console>>, Path(id): Path<String>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let (typed, once) = (Typed::of(&fields), fields.get("once").to_owned());
    if once.len() != 64 || !once.bytes().all(|b| b.is_ascii_hexdigit()) {
        return page(&console, &visitor, &id, typed, Wrong::default(), None).await;
    }
    let turn = console.sessions.turn(visitor.session);
    let _held = turn.lock().await;
    let there = Redirect::to(&format!("/packs/{once}"));
    if console.sessions.kept(visitor.session, &once).is_some() {
        return there.into_response();
    }
    let request = match typed.request() {
        Ok(request) => request,
        Err(problem) => return wrong(&console, &visitor, &id, typed, &problem).await,
    };
    let path = format!("/v1/incidents/{}/packs", quoted(&id));
    match console.post::<PackAnswer>(&visitor, &path, &request).await {
        Ok(PackAnswer::Packed(packed)) => {
            let made = Made { incident: id, case: typed.case, recipient: typed.recipient, packed: *packed };
            console.sessions.keep(visitor.session, &once, Arc::new(Opened::Pack(Box::new(made))));
            there.into_response()
        }
        Ok(PackAnswer::Refused(refused)) => {
            let no = No::of(visitor.lang, &refused.refusal);
            page(&console, &visitor, &id, typed, Wrong::default(), Some(no)).await
        }
        Err(problem) if problem.status < 500 && problem.error.code != "no-such-incident" => {
            wrong(&console, &visitor, &id, typed, &problem).await
        }
        Err(problem) => console.fault(&visitor, &problem),
    }
}

/// The documents of a pack.
pub async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Response {
    let Some(opened) = kept(&console, &visitor, &name) else {
        return trace::gone(&console, &visitor, "incidents", "/incidents");
    };
    let Opened::Pack(made) = &*opened else {
        return trace::gone(&console, &visitor, "incidents", "/incidents");
    };
    let lang = visitor.lang;
    let documents = made.packed.documents.iter();
    let page = PackedPage {
        f: console.frame(&visitor, "incidents", lang.words().pack, &format!("/packs/{}", quoted(&name))),
        recipient: word(lang, seen::RECIPIENTS, made.recipient).to_owned(),
        documents: documents
            .map(|one| (one.name.clone(), one.media_type.clone(), octets(one.text.len() as u64)))
            .collect(),
        name: quoted(&name),
        made: Arc::clone(&opened),
    };
    html(StatusCode::OK, &page)
}

/// One document, as a file.
pub async fn document(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path((name, file)): Path<(String, String)>,
) -> Response {
    let opened = kept(&console, &visitor, &name);
    let made = match opened.as_deref() {
        Some(Opened::Pack(made)) => made,
        _ => return trace::gone(&console, &visitor, "incidents", "/incidents"),
    };
    match made.packed.documents.iter().find(|document| document.name == file) {
        Some(document) => attached(&document.name, &document.media_type, document.text.clone().into_bytes()),
        None => trace::gone(&console, &visitor, "incidents", "/incidents"),
    }
}

/// Octets as a file to keep; a browser neither shows nor runs it.
pub(super) fn attached(name: &str, media_type: &str, octets: Vec<u8>) -> Response {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let disposition = format!("attachment; filename=\"{}\"", name.chars().map(safe).collect::<String>());
    let kind =
        HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = octets.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

fn kept(console: &Console, visitor: &Visitor, name: &str) -> Option<Arc<Opened>> {
    console.sessions.kept(visitor.session, name).filter(|opened| opened.holds(console))
}

async fn wrong(console: &Console, visitor: &Visitor, id: &str, typed: Typed, problem: &Problem) -> Response {
    let fields: &[(&'static str, &[&str])] = &[
        ("case", &[]),
        ("without_records", &["no-records"]),
        ("name", &["name"]),
        ("own", &["own", "question"]),
        ("neighbour_as", &["neighbour_as"]),
        ("basis", &["basis"]),
        ("facts", &["facts", "unknown-fact", "derived-fact", "may-not-state"]),
    ];
    let wrong = Wrong::of(visitor.lang, problem, fields);
    page(console, visitor, id, typed, wrong, None).await
}

async fn page(
    console: &Console,
    visitor: &Visitor,
    id: &str,
    typed: Typed,
    wrong: Wrong,
    refused: Option<No>,
) -> Response {
    let status = if wrong.text.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    match pack_page(console, visitor, id, typed, wrong, refused).await {
        Ok(page) => html(status, &page),
        Err(problem) => console.fault(visitor, &problem),
    }
}

async fn pack_page(
    console: &Console,
    visitor: &Visitor,
    id: &str,
    typed: Typed,
    wrong: Wrong,
    refused: Option<No>,
) -> Result<PackPage, Problem> {
    let lang = visitor.lang;
    // That there is such an incident, and that the visitor may know it.
    let line = super::incidents::line(console, visitor, id).await?;
    let (data, purpose): (&[&str], _) = match typed.recipient {
        "victim" => (&["FLOW", "HDR"], "PROT-CUST"),
        "neighbour" => (&["AGG", "CMP"], "TRACE-X"),
        _ => (&["FLOW", "HDR"], "TRACE-X"),
    };
    let mut found = vec![("incident.id", id), ("scope.attack_only", "yes")];
    if typed.recipient == "victim" {
        found.push(("requester.own_communications", "yes"));
    }
    let basis =
        if fixed::BASES.iter().any(|(code, ..)| *code == typed.basis) { typed.basis.as_str() } else { "" };
    let wish = Wish { act: "disclose", data, purpose, basis, found: &found };
    let rules = Rules::of(console, visitor, &wish, &typed.facts).await?;
    let once = session::random().ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "fault", "no random bits are to be had")
    })?;
    let title = format!("{} {}", lang.words().pack_of, line.brief.id);
    let back = format!("/incidents/{}/pack?recipient={}", quoted(id), typed.recipient);
    Ok(PackPage {
        f: console.frame(visitor, "incidents", &title, &back),
        id: line.brief.id,
        once,
        bases: choices(lang, fixed::BASES, &typed.basis),
        typed,
        wrong,
        rules,
        refused,
        recipients: RECIPIENTS.map(|code| (code, word(lang, seen::RECIPIENTS, code))),
    })
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let of = |name: &str| fields.get(name).to_owned();
        let told = fields.get("recipient");
        Self {
            recipient: RECIPIENTS.into_iter().find(|code| *code == told).unwrap_or("victim"),
            name: of("name"),
            own: of("own"),
            neighbour_as: of("neighbour_as"),
            case: of("case").trim().to_owned(),
            basis: of("basis"),
            without_records: !fields.get("without_records").is_empty(),
            facts: fields
                .under("fact.")
                .filter(|(_, value)| !value.trim().is_empty())
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        }
    }

    fn request(&self) -> Result<PackRequest, Problem> {
        let number = self.neighbour_as.trim().trim_start_matches(['A', 'S', 'a', 's']);
        let neighbour_as = match (self.recipient, number) {
            ("neighbour", "") => None,
            ("neighbour", number) => Some(number.parse().map_err(|_| {
                Problem::wrong("neighbour_as", "the number of an autonomous system is 1 to 4294967295")
            })?),
            _ => None,
        };
        let own = self.own.split_whitespace().map(ToOwned::to_owned);
        Ok(PackRequest {
            recipient: self.recipient.to_owned(),
            name: self.name.clone(),
            own: if self.recipient == "victim" { own.collect() } else { Vec::new() },
            neighbour_as,
            case: self.case.clone(),
            basis: Some(self.basis.clone()).filter(|basis| !basis.is_empty()),
            facts: self.facts.clone(),
            without_records: self.without_records && self.recipient != "neighbour",
            attached: None,
        })
    }
}
