//! Wrong use and faults as answers of the API: a status, a fixed code, a message and what to do.
//!
//! No text of it holds an address or a name of a subscriber. A refusal of the gate is an answer and never comes here.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tadoru_desk::DeskError;
use tadoru_desk::import::ImportError;
use tadoru_gate::GateError;
use tadoru_gate::journal::JournalError;
use tadoru_model::Role;
use tadoru_store::StoreError;
use tadoru_store::cases::CaseError;
use tadoru_store::flows::FlowsError;
use tadoru_store::flows::sql::SqlFault;
use utoipa::ToSchema;

/// The body of an answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// HTTP status; not part of the body.
    #[serde(skip)]
    #[schema(ignore)]
    pub status: u16,
    /// What is wrong.
    pub error: Told,
}

/// What is wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Told {
    /// A fixed code, such as `time-no-zone`.
    pub code: String,
    /// One line: what was being tried and why it failed.
    pub message: String,
    /// What to do about it; empty where nothing can be said.
    pub help: String,
    /// The readings that may have been meant, the likelier first.
    pub likely: Vec<String>,
}

impl Problem {
    /// A problem of that status.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let told =
            Told { code: code.to_owned(), message: message.into(), help: String::new(), likely: Vec::new() };
        Self { status: status.as_u16(), error: told }
    }

    /// Wrong use.
    pub fn wrong(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.error.help = help.into();
        self
    }

    /// The same with readings that may have been meant.
    #[must_use]
    pub fn likely(mut self, likely: Vec<String>) -> Self {
        self.error.likely = likely;
        self
    }

    /// Nobody is known to be asking.
    pub(crate) fn nobody() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "nobody", "nobody is known to be asking")
            .help("send a bearer token, or use the socket as a user whom the configuration knows")
    }

    /// The body ended before its end.
    pub(crate) fn broken_off() -> Self {
        Self::wrong("body", "the body ends before its end")
    }

    /// A file of flows came without a digest that reads.
    pub(crate) fn no_digest() -> Self {
        Self::wrong("sha256", "a file of flows is announced with its SHA-256")
            .help("give `sha256` in the query: 64 hexadecimal digits, of the file as it is sent")
    }

    /// The desk gave fewer answers than it was asked questions.
    pub(crate) fn no_answer() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "the question was not answered")
    }

    /// The person has none of these roles.
    pub(crate) fn role(roles: &[Role]) -> Self {
        let names: Vec<&str> = roles.iter().map(|r| r.as_str()).collect();
        Self::new(StatusCode::FORBIDDEN, "role", format!("this takes one of the roles: {}", names.join(", ")))
    }

    /// A fault whose details are of the store or the journal.
    fn fault(status: StatusCode, code: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(status, code, chain(error))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

// --- from the desk's errors -------------------------------------------------------------------------------------

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Gate(e) => e.into(),
            DeskError::Store(e) => e.into(),
            DeskError::Case(e) => e.into(),
            DeskError::Role { .. } => Self::fault(StatusCode::FORBIDDEN, "role", &error),
            DeskError::NoIncident => Self::fault(StatusCode::NOT_FOUND, "no-such-incident", &error),
            DeskError::NotAnnounced => Self::no_digest(),
            DeskError::Flows(FlowsError::Store(e)) => e.into(),
            DeskError::Flows(e @ FlowsError::TakenIn { .. }) => {
                Self::fault(StatusCode::CONFLICT, "imported-already", &e)
                    .help("`--again` takes it in once more")
            }
            DeskError::Flows(e @ FlowsError::BeingTakenIn) => {
                Self::fault(StatusCode::CONFLICT, "import-underway", &e)
            }
            DeskError::Flows(FlowsError::Sql(e @ (SqlFault::TooSlow(_) | SqlFault::TooMuch))) => {
                Self::fault(StatusCode::UNPROCESSABLE_ENTITY, "sql-bound", &e)
                    .help("narrow the filter or the time, or let the statement do less")
            }
            DeskError::Flows(FlowsError::Sql(e)) => Self::fault(StatusCode::BAD_REQUEST, "sql", &e)
                .help("the table `flows` and its columns are in the reference of `tadoru flows --sql`"),
            DeskError::NoRecords => Self::fault(StatusCode::CONFLICT, "no-records", &error).help(
                "look with `tadoru flows --incident`: retention may be over, or the flows came later than the attack; \
                 `without_records` (`--without-records`) makes a pack that says that there are none",
            ),
            DeskError::NoHold => Self::fault(StatusCode::NOT_FOUND, "no-such-hold", &error),
            DeskError::Question { .. } => Self::fault(StatusCode::BAD_REQUEST, "question", &error),
            DeskError::Standing { .. } => Self::fault(StatusCode::SERVICE_UNAVAILABLE, "standing", &error)
                .help("the rule packs in force must permit the installation's own recording"),
            DeskError::Trace(_) => match store_fault(&error) {
                Some((status, code)) => Self::fault(status, code, &error),
                None => Self::fault(StatusCode::INTERNAL_SERVER_ERROR, "fault", &error),
            },
            _ => Self::fault(StatusCode::INTERNAL_SERVER_ERROR, "fault", &error),
        }
    }
}

impl From<GateError> for Problem {
    fn from(error: GateError) -> Self {
        let (status, code) = match &error {
            GateError::NothingWaits { .. } => (StatusCode::NOT_FOUND, "nothing-waits"),
            GateError::OwnApproval { .. } => (StatusCode::FORBIDDEN, "own-approval"),
            GateError::MayNotApprove { .. } => (StatusCode::FORBIDDEN, "role"),
            GateError::MayNotState { .. } => (StatusCode::FORBIDDEN, "may-not-state"),
            GateError::AgreedAlready { .. } => (StatusCode::CONFLICT, "agreed-already"),
            GateError::UnknownFact => (StatusCode::BAD_REQUEST, "unknown-fact"),
            GateError::DerivedFact { .. } => (StatusCode::BAD_REQUEST, "derived-fact"),
            GateError::Journal(e) => journal_status(e),
            GateError::Keys(_) | GateError::Pending { .. } => (StatusCode::SERVICE_UNAVAILABLE, "gate"),
            GateError::OtherAct { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "fault"),
        };
        Self::fault(status, code, &error)
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        let (status, code) = journal_status(&error);
        Self::fault(status, code, &error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (status, code) = store_status(&error);
        let told = Self::fault(status, code, &error);
        if code == "disk-full" {
            return told
                .help("nothing that was acknowledged is lost; make room on the disk of the data folder");
        }
        told
    }
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        let (status, code) = match error {
            CaseError::Store(e) => return e.into(),
            CaseError::NotAnId => (StatusCode::BAD_REQUEST, "case-id"),
            CaseError::Unknown(_) => (StatusCode::NOT_FOUND, "no-such-case"),
            CaseError::Exists(_) => (StatusCode::CONFLICT, "case-exists"),
            CaseError::Closed(_) => (StatusCode::CONFLICT, "case-closed"),
            CaseError::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "too-long"),
        };
        Self::fault(status, code, &error)
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let (status, code) = match error {
            ImportError::Desk(e) => return e.into(),
            ImportError::BrokenOff { kept, source } => {
                let mut told = Self::from(*source);
                told.error.message.push_str(&format!("; the first {kept} flows of the file are kept"));
                let help = std::mem::take(&mut told.error.help);
                let separator = if help.is_empty() { "" } else { "; " };
                return told.help(format!("{help}{separator}import it again: it goes on behind them"));
            }
            ImportError::Changed { .. } => {
                return Self::fault(StatusCode::CONFLICT, "file-changed", &error)
                    .help("import files that nobody writes to any more");
            }
            ImportError::Input { .. } => (StatusCode::BAD_REQUEST, "unreadable-file"),
            ImportError::Format { .. } => (StatusCode::BAD_REQUEST, "no-such-format"),
            ImportError::Zone { .. } => (StatusCode::BAD_REQUEST, "no-such-zone"),
        };
        Self::fault(status, code, &error)
    }
}

/// The chain of an error in one line, each part once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let told = inner.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = inner.source();
    }
    text
}

/// The status of the store's fault that an error rests on.
fn store_fault(error: &(dyn std::error::Error + 'static)) -> Option<(StatusCode, &'static str)> {
    let mut at = error.source();
    while let Some(inner) = at {
        if let Some(fault) = inner.downcast_ref::<StoreError>() {
            return Some(store_status(fault));
        }
        at = inner.source();
    }
    None
}

fn store_status(error: &StoreError) -> (StatusCode, &'static str) {
    match error {
        StoreError::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, "disk-full"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "store"),
    }
}

fn journal_status(error: &JournalError) -> (StatusCode, &'static str) {
    match error {
        JournalError::NoSuchEntry { .. } => (StatusCode::NOT_FOUND, "no-such-entry"),
        JournalError::BatchTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-long"),
        JournalError::Disk { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            (StatusCode::SERVICE_UNAVAILABLE, "disk-full")
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, "journal"),
    }
}
