//! The journal: its entries, searched and shown one by one with their proof, and the whole verified.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;
use tadoru_desk::Door;

use super::{Fields, Frame, Sent, Visitor, number, quoted};
use crate::api::journal::{Checkpoint, Entries, JournalEntry, Proof};
use crate::api::problem::Problem;
use crate::api::shape::Moment;
use crate::console::{Console, Verified};
use crate::pages::times::local;
use crate::words::Lang;
use crate::words::fixed::{self, word};

#[derive(Template)]
#[template(path = "journal.html")]
struct JournalPage {
    f: Frame,
    case: String,
    person: String,
    rule: String,
    kinds: Vec<super::gate::Choice>,
    rows: Vec<Row>,
    size: String,
    older: Option<String>,
    is_newest: bool,
    verified: Option<Shown>,
    checkpoint: Checkpoint,
}

/// An entry as a row.
pub(super) struct Row {
    pub(super) index: u64,
    pub(super) at: String,
    pub(super) kind: String,
    pub(super) person: String,
    pub(super) case: String,
    pub(super) rule: String,
    pub(super) what: String,
}

/// What a verification found.
pub(super) struct Shown {
    pub(super) at: Moment,
    pub(super) is_sound: bool,
    pub(super) is_read: bool,
    pub(super) size: String,
    pub(super) root: String,
    pub(super) findings: Vec<String>,
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    f: Frame,
    index: u64,
    row: Row,
    text: String,
    proof: Proof,
}

/// The entries.
pub async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Query(asked): Query<Fields>,
) -> Response {
    let page = page(&console, &visitor, &asked).await;
    console.shown(&visitor, page)
}

/// Verifies the whole journal.
pub async fn verify(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    if !sent.visitor.actor.opens(Door::ReadsJournal) {
        return console.fault(&sent.visitor, &Problem::role(Door::ReadsJournal.roles()));
    }
    let turn = console.sessions.turn(sent.visitor.session);
    let _held = turn.lock().await;
    let _ = console.verify_journal().await;
    Redirect::to("/journal").into_response()
}

/// One entry with its proof.
pub async fn entry(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(index): Path<String>,
) -> Response {
    let page = entry_page(&console, &visitor, &index).await;
    console.shown(&visitor, page)
}

async fn page(console: &Console, visitor: &Visitor, asked: &Fields) -> Result<JournalPage, Problem> {
    let lang = visitor.lang;
    let names = ["case", "person", "rule", "kind", "before"];
    let told = names.iter().map(|name| (*name, asked.get(name).trim())).filter(|(_, text)| !text.is_empty());
    let mut query: Vec<String> = told.map(|(name, text)| format!("{name}={}", quoted(text))).collect();
    let is_newest = asked.get("before").trim().parse::<u64>().is_err();
    if is_newest {
        query.retain(|part| !part.starts_with("before="));
        let checkpoint: Checkpoint = console.get(visitor, "/v1/journal/checkpoint").await?;
        query.push(format!("before={}", checkpoint.size));
    }
    let path = format!("/v1/journal/entries?count={ROWS}&{}", query.join("&"));
    let entries: Entries = console.get(visitor, &path).await?;
    let checkpoint: Checkpoint = console.get(visitor, "/v1/journal/checkpoint").await?;
    query.retain(|part| !part.starts_with("before="));
    let older = entries.next.map(|next| {
        query.push(format!("before={next}"));
        format!("/journal?{}", query.join("&"))
    });
    Ok(JournalPage {
        f: console.frame(visitor, "journal", lang.words().journal, "/journal"),
        case: asked.get("case").to_owned(),
        person: asked.get("person").to_owned(),
        rule: asked.get("rule").to_owned(),
        kinds: super::gate::choices(lang, fixed::EVENTS, asked.get("kind")),
        rows: entries.entries.iter().map(|entry| row(console, lang, entry)).collect(),
        size: number(entries.size),
        older,
        is_newest,
        verified: shown(console, lang),
        checkpoint,
    })
}

async fn entry_page(console: &Console, visitor: &Visitor, index: &str) -> Result<EntryPage, Problem> {
    let proof: Proof = console.get(visitor, &format!("/v1/journal/proof/{}", quoted(index))).await?;
    let value: Value = serde_json::from_str(&proof.entry).unwrap_or(Value::String(proof.entry.clone()));
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    let entry = JournalEntry { index: proof.index, entry: value };
    let title = format!("{} {}", visitor.lang.words().journal_entry, proof.index);
    let back = format!("/journal/{}", proof.index);
    Ok(EntryPage {
        f: console.frame(visitor, "journal", &title, &back),
        index: proof.index,
        row: row(console, visitor.lang, &entry),
        text,
        proof,
    })
}

/// The last verification, in words.
pub(super) fn shown(console: &Console, _: Lang) -> Option<Shown> {
    let Verified { at, report } = console.last_verified()?;
    let findings = report.iter().flat_map(|report| report.findings.iter().map(ToString::to_string));
    Some(Shown {
        at: Moment::of(super::seconds(at), &console.zone),
        is_sound: report.as_ref().is_some_and(tadoru_gate::journal::Report::is_sound),
        is_read: report.is_some(),
        size: report.as_ref().map(|report| number(report.size)).unwrap_or_default(),
        root: report.as_ref().map(|report| hex(&report.root)).unwrap_or_default(),
        findings: findings.collect(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry as a row: who, what, under which rule.
pub(super) fn row(console: &Console, lang: Lang, entry: &JournalEntry) -> Row {
    let text = |name: &str| entry.entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("kind");
    let what = match kind {
        "decision" => {
            let verdict = word(lang, fixed::VERDICTS, text("verdict"));
            let act = word(lang, fixed::ACTS, text("act"));
            let purpose = word(lang, fixed::PURPOSES, text("purpose"));
            format!("{verdict} — {act}, {purpose}")
        }
        "answered" => entry
            .entry
            .get("outcomes")
            .and_then(Value::as_object)
            .map(|all| {
                let one = |(name, n): (&String, &Value)| format!("{} {n}", word(lang, fixed::OUTCOMES, name));
                all.iter().map(one).collect::<Vec<_>>().join(", ")
            })
            .unwrap_or_default(),
        "statement" => text("fact").to_owned(),
        "imported" => format!("{} {}", text("format"), text("source")),
        "signed-in" => text("by").to_owned(),
        "sign-in-failed" => text("why").to_owned(),
        "account-changed" => text("what").to_owned(),
        "deleted" | "held" => text("class").to_owned(),
        "pack-loaded" => format!("{} {}", text("pack"), text("version")),
        "desk-started" | "desk-stopped" => text("version").to_owned(),
        _ => String::new(),
    };
    Row {
        index: entry.index,
        at: local(Some(text("at")), &console.zone),
        kind: word(lang, fixed::EVENTS, kind).to_owned(),
        person: text("person").to_owned(),
        case: text("case").to_owned(),
        rule: text("rule").to_owned(),
        what,
    }
}

/// Entries on one page.
const ROWS: u64 = 50;
