//! "Who had these addresses?": a table of complaints in, one answer a line out, in their order, as they come.
//!
//! What comes in: JSON lines, the first one the ground, each other one a complaint. What goes out: JSON lines, exactly
//! one a complaint, also for those that cannot be read. Neither is ever in memory as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use serde::{Deserialize, Serialize};
use tadoru_desk::who::Reply;
use tadoru_desk::{Actor, Stores};
use tadoru_gate::{ActName, DataCategory};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Caller, read_json};
use super::ground::{self, Named};
use super::problem::{Problem, Told};
use super::reading::{Asked, NumberOrText, Texts, check_realm, read};
use super::shape::{Refusal, WhoAnswer, refusal};
use crate::lines::{Line, Lines};

/// The first line: on what ground all the others are asked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchHead {
    /// Case; it is opened where there is none.
    pub case: String,
    /// Purpose, such as `P-CLEAN`.
    pub purpose: String,
    /// Basis that is relied on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<String>,
    /// Facts that the person states.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of what the facts rest on, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attached: Option<String>,
    /// How far the observers' clocks may be off, either way: `30s`, `500ms`, `2m`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skew: Option<String>,
    /// Realm (VRF) of the addresses.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub realm: Option<String>,
}

/// A complaint of a table: its texts as they are, or what is wrong with the line.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchLine {
    /// Address, which may hold a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<NumberOrText>,
    /// Time with its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<NumberOrText>,
    /// Protocol by name or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<NumberOrText>,
    /// Address of the far side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_address: Option<String>,
    /// Port of the far side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_port: Option<NumberOrText>,
    /// The sender's own reference; it is repeated in the answer.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<NumberOrText>,
    /// Why the line of the table could not be read, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The answer to one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// Which complaint, counted from 1.
    pub line: u64,
    /// The sender's own reference.
    #[serde(rename = "ref")]
    pub reference: Option<NumberOrText>,
    /// The answer, or why there is none.
    #[serde(flatten)]
    pub said: Said,
}

/// The answer to one line, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Said {
    /// The answer.
    Answer(WhoAnswer),
    /// The line cannot be read, or could not be asked: there is no `outcome`.
    Nothing {
        /// What is wrong with it, with the readings that may have been meant.
        error: Told,
    },
}

/// Who had these endpoints? Up to 10,000 lines share one permit.
#[utoipa::path(
    post, path = "/v1/who/batch", tag = "who", operation_id = "who-batch",
    request_body(
        content = BatchLine, content_type = "application/x-ndjson",
        description = "JSON lines: the first is a `BatchHead`, each other one a `BatchLine`"
    ),
    responses(
        (status = 200, description = "JSON lines: one `BatchAnswer` for each `BatchLine`, in their order",
            body = BatchAnswer, content_type = "application/x-ndjson"),
        (status = 400, description = "the first line cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "a fact is stated that another role must state", body = Problem),
        (status = 409, description = "the case is closed", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("gate")))
)]
pub(super) async fn batch<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    let mut lines = Lines::new(body, MOST_LINE_BYTES);
    let head: BatchHead = match lines.next().await {
        Ok(Some(Line::Whole(line))) => read_json(&line)?,
        Ok(_) => return Err(Problem::wrong("body", "the first line does not say on what ground is asked")),
        Err(_) => return Err(Problem::broken_off()),
    };
    let named = ground::read(&ground::Words {
        case: &head.case,
        purpose: &head.purpose,
        basis: head.basis.as_deref(),
        facts: &head.facts,
        attached: head.attached.as_deref(),
    })?;
    ground::check_facts(&api.desk, (ActName::Learn, DataCategory::Asgn), &named)?;
    check_realm(&api.desk, head.realm.as_deref())?;
    let mut batch = Batch { asker: Asker { api, actor: caller.0, named, head }, lines, count: 0 };
    // What is wrong with the ground shows with the first lines: then nothing is answered yet and the status can say it.
    let Some(first) = batch.take().await? else { return Ok(answer(Body::empty())) };
    let first = batch.asker.ask(first).await.map_err(|(_, problem)| problem)?;
    let (sender, channel) = Channel::<Bytes, axum::BoxError>::new(2);
    tokio::spawn(batch.go_on(first, sender));
    Ok(answer(Body::new(channel)))
}

fn answer(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

/// A batch on its way.
struct Batch<S> {
    asker: Asker<S>,
    lines: Lines,
    count: u64,
}

/// Who asks, and on what ground.
struct Asker<S> {
    api: Arc<Api<S>>,
    actor: Actor,
    named: Named,
    head: BatchHead,
}

/// A line, read or not.
struct Entry {
    line: u64,
    reference: Option<NumberOrText>,
    asked: Result<Asked, Told>,
}

impl<S: Stores> Batch<S> {
    /// Answers to the end; whoever left is answered no more.
    async fn go_on(mut self, first: Vec<u8>, mut sender: Sender<Bytes, axum::BoxError>) {
        let mut next = first;
        loop {
            if sender.send_data(Bytes::from(next)).await.is_err() {
                return;
            }
            let entries = match self.take().await {
                Ok(Some(entries)) => entries,
                Ok(None) => return,
                Err(problem) => return sender.abort(problem.error.message.into()),
            };
            next = match self.asker.ask(entries).await {
                Ok(text) => text,
                Err((entries, problem)) => written(entries.into_iter().map(|entry| BatchAnswer {
                    line: entry.line,
                    reference: entry.reference,
                    said: Said::Nothing { error: entry.asked.err().unwrap_or_else(|| problem.error.clone()) },
                })),
            };
        }
    }

    /// The next lines, read; `None` at the end.
    async fn take(&mut self) -> Result<Option<Vec<Entry>>, Problem> {
        let mut entries = Vec::new();
        while entries.len() < LINES_A_PERMIT {
            let Some(line) = self.lines.next().await.map_err(|_| Problem::broken_off())? else { break };
            self.count += 1;
            entries.push(self.read(&line));
        }
        Ok((!entries.is_empty()).then_some(entries))
    }

    fn read(&self, line: &Line) -> Entry {
        let (mut entry, line) = match line {
            Line::Whole(line) => (BatchLine::default(), line),
            Line::TooLong => {
                let told = Problem::wrong("too-long", "the line is too long").error;
                return Entry { line: self.count, reference: None, asked: Err(told) };
            }
        };
        let asked = match read_json::<BatchLine>(line) {
            Ok(read) => {
                entry = read;
                self.asker.question(&entry).map_err(|problem| problem.error)
            }
            Err(problem) => {
                entry.reference = reference_of(line);
                Err(problem.error)
            }
        };
        Entry { line: self.count, reference: entry.reference, asked }
    }
}

impl<S: Stores> Asker<S> {
    fn question(&self, line: &BatchLine) -> Result<Asked, Problem> {
        if let Some(error) = &line.error {
            let told: String = error.chars().filter(|c| !c.is_control()).take(MOST_ERROR_CHARS).collect();
            return Err(Problem::wrong("line", told));
        }
        let missing = |what: &str| Problem::wrong(what, format!("the line has no `{what}`"));
        let time = line.time.as_ref().map(NumberOrText::text).filter(|t| !t.trim().is_empty());
        let at = [time.ok_or_else(|| missing("time"))?];
        let address = line.address.as_deref().filter(|a| !a.trim().is_empty());
        let proto = line.proto.as_ref().map(NumberOrText::text);
        let texts = Texts {
            address: address.ok_or_else(|| missing("address"))?,
            port: line.port.as_ref(),
            at: &at,
            proto: proto.as_deref(),
            to: line.dst_address.as_deref(),
            to_port: line.dst_port.as_ref(),
            skew: self.head.skew.as_deref(),
            realm: self.head.realm.as_deref(),
        };
        read(&texts, self.api.desk.settings(), self.api.desk.now())
    }

    /// Asks what could be read under one permit, and writes every line's answer; the lines back where it could not be
    /// asked.
    async fn ask(&self, entries: Vec<Entry>) -> Result<Vec<u8>, (Vec<Entry>, Problem)> {
        let questions: Vec<_> =
            entries.iter().filter_map(|e| e.asked.as_ref().ok()).map(|a| a.question.clone()).collect();
        if questions.is_empty() {
            return Ok(written(entries.into_iter().map(Entry::unread)));
        }
        let inquiry = self.named.clone().inquiry(self.actor.clone(), questions);
        let reply = match self.api.run(move |desk, handle| handle.block_on(desk.who(inquiry))).await {
            Ok(reply) => reply,
            Err(problem) => return Err((entries, problem)),
        };
        Ok(match reply {
            Reply::Answered(answered) => {
                let mut found = answered.attributions.iter();
                written(entries.into_iter().map(|entry| match entry.asked {
                    Ok(asked) => {
                        let said = match found.next() {
                            Some(found) => Said::Answer(WhoAnswer::answered(asked, found, &answered)),
                            None => Said::Nothing { error: Problem::no_answer().error },
                        };
                        BatchAnswer { line: entry.line, reference: entry.reference, said }
                    }
                    Err(_) => entry.unread(),
                }))
            }
            Reply::Refused(refused) => {
                let refusal: Refusal = refusal(&self.api.desk.gate().packs(), &refused);
                written(entries.into_iter().map(|entry| match entry.asked {
                    Ok(asked) => BatchAnswer {
                        line: entry.line,
                        reference: entry.reference,
                        said: Said::Answer(WhoAnswer::refused(asked, refusal.clone())),
                    },
                    Err(_) => entry.unread(),
                }))
            }
        })
    }
}

impl Entry {
    fn unread(self) -> BatchAnswer {
        let error = self.asked.err().unwrap_or_else(|| Problem::no_answer().error);
        BatchAnswer { line: self.line, reference: self.reference, said: Said::Nothing { error } }
    }
}

/// The sender's reference in a line that does not fit otherwise.
fn reference_of(line: &[u8]) -> Option<NumberOrText> {
    #[derive(Deserialize)]
    struct Reference {
        #[serde(rename = "ref")]
        reference: Option<NumberOrText>,
    }
    serde_json::from_slice::<Reference>(line).ok()?.reference
}

fn written(answers: impl Iterator<Item = BatchAnswer>) -> Vec<u8> {
    let mut text = Vec::new();
    for answer in answers {
        let length = text.len();
        if serde_json::to_writer(&mut text, &answer).is_err() {
            text.truncate(length);
        }
        text.push(b'\n');
    }
    text
}

/// Lines that share one permit.
const LINES_A_PERMIT: usize = 10_000;

/// Longest line.
const MOST_LINE_BYTES: usize = 64 << 10;

/// Characters of a table's own error that are repeated.
const MOST_ERROR_CHARS: usize = 300;
