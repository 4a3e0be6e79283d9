//! Files in: the body is the file as it is, compressed or not, and goes to the reader as it comes.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::import::{ImportError, Imported as Done, Reading};
use tadoru_model::{Realm, SourceName};
use tadoru_store::flows::{Again, FileDigest};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Asked, Caller};
use super::problem::Problem;

/// How the file is to be read.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Format: `radius-detail`, `kea4`, `nat-syslog`, `static`, `subscribers`, …
    pub format: String,
    /// The file's name without its folder, for the journal and for messages.
    pub name: String,
    /// Source of the records, where they do not tell it.
    pub source: Option<String>,
    /// Realm of the addresses.
    pub realm: Option<String>,
    /// Realm of the inside addresses of translations.
    pub inside_realm: Option<String>,
    /// Zone of times that tell none, by name; the operator's where not given.
    pub zone: Option<String>,
    /// SHA-256 of the file as it is sent, hexadecimal: needed for `flows`, where a file that was imported already is
    /// refused.
    pub sha256: Option<String>,
    /// Takes a file of flows in once more; its flows then count twice.
    pub again: Option<bool>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// Records read.
    pub records: u64,
    /// Records kept.
    pub kept: u64,
    /// Records that are none of this format's business.
    pub ignored: u64,
    /// Records with a defect.
    pub defective: u64,
    /// The first defects, each with its place; no value of a record.
    pub defects: Vec<String>,
    /// SHA-256 of the file as it was read, hexadecimal.
    pub sha256: String,
    /// Rows stored, new or in a newer version.
    pub rows: u64,
    /// Flows of the file that an import that broke off had kept before; they were not taken in again.
    pub kept_before: u64,
    /// Those of the rows that are past their retention: the next run of it deletes them, unless they are held.
    pub past_retention: u64,
    /// Where in the journal it stands.
    pub journal_index: u64,
}

/// Takes a file of records in.
#[utoipa::path(
    post, path = "/v1/import", tag = "records", operation_id = "import", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "the file as it is"),
    responses(
        (status = 200, description = "what was read and kept", body = Imported),
        (status = 400, description = "the file cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "this takes another role", body = Problem),
        (status = 409, description = "a file of flows was imported already, is being imported, or changed while it was read", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("desk")))
)]
pub(super) async fn import<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    Asked(query): Asked<ImportQuery>,
    body: Body,
) -> Result<Json<Imported>, Problem> {
    let sha256 = query.sha256.as_deref().map(|text| FileDigest::parse(text).ok_or_else(Problem::no_digest));
    let sha256 = sha256.transpose()?;
    let realm = |name: Option<&str>| name.map_or_else(Realm::untold, Realm::from);
    let reading = Reading {
        realm: realm(query.realm.as_deref()),
        inside_realm: realm(query.inside_realm.as_deref()),
        source: query.source.as_deref().map(SourceName::from),
        format: query.format,
        name: query.name,
        zone: query.zone,
        now: api.desk.now(),
        sha256,
        again: if query.again == Some(true) { Again::Wanted } else { Again::Refused },
    };
    let (reader, mut pipe) = (Arc::clone(&api.reader), pipe(body));
    let Done { report, rows, kept_before, past_retention, journal_index } = api
        .run(move |desk, handle| -> Result<Done, ImportError> {
            handle.block_on(desk.import(&caller.0, reader.as_ref(), &reading, &mut pipe))
        })
        .await?;
    Ok(Json(Imported {
        records: report.records,
        kept: report.kept,
        ignored: report.ignored,
        defective: report.defective,
        defects: report.defects,
        sha256: report.sha256,
        rows,
        kept_before,
        past_retention,
        journal_index,
    }))
}

/// The bytes of a body for a reader that blocks. Of what has come and is not read there is never much.
struct Pipe {
    pieces: Receiver<io::Result<Bytes>>,
    room: Arc<Semaphore>,
    piece: Bytes,
    failed: bool,
}

fn pipe(body: Body) -> Pipe {
    // The channel itself has no bound: each piece waits for room first, which can be done without blocking.
    let (sender, pieces) = channel();
    let room = Arc::new(Semaphore::new(PIECES));
    let waiting = Arc::clone(&room);
    tokio::spawn(async move {
        let mut body = body;
        while let Some(frame) = body.frame().await {
            let Ok(permit) = waiting.acquire().await else { return };
            permit.forget();
            let piece = frame.map(|f| f.into_data().unwrap_or_default()).map_err(io::Error::other);
            let last = piece.is_err();
            if sender.send(piece).is_err() || last {
                return;
            }
        }
    });
    Pipe { pieces, room, piece: Bytes::new(), failed: false }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            if self.failed {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // The sender is gone at the end of the body.
            let Ok(piece) = self.pieces.recv() else { return Ok(0) };
            self.room.add_permits(1);
            self.failed = piece.is_err();
            self.piece = piece?;
        }
        let length = self.piece.len().min(buf.len());
        let piece = self.piece.split_to(length);
        if let Some(room) = buf.get_mut(..length) {
            room.copy_from_slice(&piece);
        }
        Ok(length)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// Pieces of a body that wait to be read; one has 64 KiB as a rule.
const PIECES: usize = 16;
