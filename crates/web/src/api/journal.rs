//! The journal: its checkpoint, its entries, and proofs that anybody can check offline.
//!
//! Entries hold no address and no subscriber: tokens stand in their place.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tadoru_desk::{Door, Stores};
use tadoru_gate::journal::JournalError;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Asked, Caller, Id};
use super::problem::Problem;

/// The signed checkpoint of everything that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkpoint {
    /// How many entries it covers.
    pub size: u64,
    /// Key that checks it, as `name+id+key` (C2SP signed-note).
    pub key: String,
    /// The signed note (C2SP tlog-checkpoint); keep it elsewhere to find a rewritten past.
    pub checkpoint: String,
}

/// Entries of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entries {
    /// How many entries the journal has.
    pub size: u64,
    /// Those asked for, as many as there are.
    pub entries: Vec<JournalEntry>,
    /// Where a search goes on: as `before` of the next request; `null`: there is nothing older.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<u64>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalEntry {
    /// Its index.
    pub index: u64,
    /// What it says: `v`, `at`, `kind` and what the kind has; a text where a later version wrote another form.
    #[schema(value_type = Object)]
    pub entry: serde_json::Value,
}

/// That an entry stands in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proof {
    /// Index of the entry.
    pub index: u64,
    /// Size of the tree that it is proved in.
    pub size: u64,
    /// The entry's bytes as text: what is proved is their hash.
    pub entry: String,
    /// Key that checks the checkpoint.
    pub key: String,
    /// The proof with its checkpoint (C2SP tlog-proof).
    pub proof: String,
}

/// Which entries.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesQuery {
    /// Index of the first; the latest `count` where not given.
    pub from: Option<u64>,
    /// How many, at most 1,000; 100 where not given.
    pub count: Option<u64>,
    /// Only those of this case. With `case`, `person`, `rule` or `kind` the entries are searched from the newest back, and
    /// come newest first.
    pub case: Option<String>,
    /// Only those of this person.
    pub person: Option<String>,
    /// Only those by this rule.
    pub rule: Option<String>,
    /// Only those of this kind, such as `decision`.
    pub kind: Option<String>,
    /// Only those before this index.
    pub before: Option<u64>,
}

impl EntriesQuery {
    /// Whether it searches.
    fn searches(&self) -> bool {
        self.case.is_some()
            || self.person.is_some()
            || self.rule.is_some()
            || self.kind.is_some()
            || self.before.is_some()
    }

    /// Whether an entry is one of those searched for.
    fn fits(&self, entry: &serde_json::Value) -> bool {
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| entry.get(name).and_then(|v| v.as_str()) == Some(wanted))
        };
        is("case", &self.case)
            && is("person", &self.person)
            && is("rule", &self.rule)
            && is("kind", &self.kind)
    }
}

/// The signed checkpoint.
#[utoipa::path(
    get, path = "/v1/journal/checkpoint", tag = "journal", operation_id = "journal-checkpoint",
    responses(
        (status = 200, description = "the checkpoint of all durable entries", body = Checkpoint),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 503, description = "the journal fails", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn checkpoint<S: Stores>(
    State(api): State<Arc<Api<S>>>,
) -> Result<Json<Checkpoint>, Problem> {
    let journal = api.desk.gate().journal();
    let checkpoint = journal.checkpoint();
    let size = journal.verifier().open(&checkpoint).map_err(|_| unsound())?.size;
    Ok(Json(Checkpoint { size, key: journal.verifier().to_string(), checkpoint }))
}

/// Entries of the journal, the oldest first.
#[utoipa::path(
    get, path = "/v1/journal/entries", tag = "journal", operation_id = "journal-entries", params(EntriesQuery),
    responses(
        (status = 200, description = "the entries", body = Entries),
        (status = 400, description = "the query does not fit", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 503, description = "the journal fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "approver", "manager",
        "auditor", "administrator"])))
)]
pub(super) async fn entries<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Asked(query): Asked<EntriesQuery>,
) -> Result<Json<Entries>, Problem> {
    caller.may(Door::ReadsJournal.roles())?;
    let read = api.run(move |desk, _| -> Result<Entries, JournalError> {
        let journal = desk.gate().journal();
        let (size, count) = (journal.size(), query.count.unwrap_or(USUAL_ENTRIES).min(MOST_ENTRIES));
        let mut entries = Vec::new();
        if query.searches() {
            let newest = query.before.unwrap_or(size).min(size);
            let oldest = newest.saturating_sub(MOST_SEARCHED).max(query.from.unwrap_or(0).min(newest));
            let mut at = newest;
            while at > oldest && (entries.len() as u64) < count {
                at -= 1;
                let entry = read_entry(&journal.entry(at)?);
                if query.fits(&entry) {
                    entries.push(JournalEntry { index: at, entry });
                }
            }
            let next = (at > query.from.unwrap_or(0)).then_some(at);
            return Ok(Entries { size, entries, next });
        }
        let from = query.from.unwrap_or(size.saturating_sub(count)).min(size);
        for index in from..size.min(from.saturating_add(count)) {
            entries.push(JournalEntry { index, entry: read_entry(&journal.entry(index)?) });
        }
        Ok(Entries { size, entries, next: None })
    });
    Ok(Json(read.await?))
}

/// The proof that an entry stands in the journal.
#[utoipa::path(
    get, path = "/v1/journal/proof/{index}", tag = "journal", operation_id = "journal-proof",
    params(("index" = u64, Path, description = "index of the entry")),
    responses(
        (status = 200, description = "entry, proof and checkpoint", body = Proof),
        (status = 400, description = "the index is no number", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 404, description = "there is no such entry", body = Problem),
        (status = 503, description = "the journal fails", body = Problem),
    ),
    extensions(("x-door" = json!(["abuse-desk", "network-operations", "legal-reviewer", "approver", "manager",
        "auditor", "administrator"])))
)]
pub(super) async fn proof<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Id(index): Id,
) -> Result<Json<Proof>, Problem> {
    caller.may(Door::ReadsJournal.roles())?;
    let index: u64 = index.parse().map_err(|_| Problem::wrong("index", "the index is no number"))?;
    let proved = api.run(move |desk, _| -> Result<Proof, Problem> {
        let journal = desk.gate().journal();
        let checkpoint = journal.checkpoint();
        let size = journal.verifier().open(&checkpoint).map_err(|_| unsound())?.size;
        let inclusion = journal.prove_inclusion(index, size)?;
        let entry = String::from_utf8_lossy(&journal.entry(index)?).into_owned();
        let key = journal.verifier().to_string();
        Ok(Proof { index, size, entry, key, proof: inclusion.to_text(&checkpoint) })
    });
    Ok(Json(proved.await?))
}

/// An entry as JSON; as text where a later version wrote another form.
fn read_entry(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| serde_json::Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn unsound() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "journal",
        "the journal's checkpoint is not signed by its key",
    )
}

/// Entries handed out at once where nobody says how many.
const USUAL_ENTRIES: u64 = 100;

/// Entries handed out at once at most.
const MOST_ENTRIES: u64 = 1000;

/// Entries that one search looks at; it goes on with the next request.
const MOST_SEARCHED: u64 = 20_000;
