//! Cases: the thread of everything done in one matter.
//!
//! What comes in: entries under `Permit<Store>`. What goes out: who did what and when, in the open; titles, reasons and
//! texts, which people write and which may name an endpoint or a person, sealed. It never changes or drops an entry.

use std::fmt;
use std::future::Future;

use tadoru_gate::permit::{Opens, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::{CaseId, PersonId, UtcMicros};

use crate::StoreError;

pub mod contract;

/// What can go wrong with a case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The text is no id of a case.
    #[error("a case id has 1 to 64 of the characters A-Z a-z 0-9 . _ - and begins with a letter or digit")]
    NotAnId,
    /// No such case.
    #[error("no case `{}`", .0.0)]
    Unknown(CaseId),
    /// It exists.
    #[error("case `{}` exists", .0.0)]
    Exists(CaseId),
    /// It is closed.
    #[error("case `{}` is closed", .0.0)]
    Closed(CaseId),
    /// The text is longer than [`MAX_TEXT_BYTES`].
    #[error("the text of the entry is too long")]
    TooLong,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether `id` may name a case: 1 to 64 of `A-Z a-z 0-9 . _ -`, a letter or digit first.
///
/// # Errors
/// [`CaseError::NotAnId`].
pub fn check_id(id: &CaseId) -> Result<(), CaseError> {
    let fits = id.0.len() <= 64
        && id.0.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.0.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if fits { Ok(()) } else { Err(CaseError::NotAnId) }
}

/// A case to be opened.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCase {
    /// Its id; `None`: the next of the year, such as `2026-0001` (the year is that of `at` in UTC).
    pub id: Option<CaseId>,
    /// What it is about.
    pub title: String,
    /// Who opens it.
    pub by: PersonId,
    /// When.
    pub at: UtcMicros,
}

/// A case without what may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// Who opened it.
    pub opened_by: PersonId,
    /// When.
    pub opened: UtcMicros,
    /// Who closed it, and when; `None`: it is open.
    pub closed: Option<(PersonId, UtcMicros)>,
    /// Who took part, in the order of joining.
    pub participants: Vec<PersonId>,
    /// How many entries its thread has.
    pub entries: u64,
}

/// What happened in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happened {
    /// It was opened.
    Opened,
    /// Somebody joined.
    Joined,
    /// Somebody wrote something down.
    Noted,
    /// Something was asked of the records.
    Asked,
    /// The gate refused, or waits for somebody.
    Refused,
    /// Somebody agreed to what was asked.
    Approved,
    /// Evidence was added.
    Evidence,
    /// Something left the desk.
    Disclosed,
    /// The subscriber was told.
    Notified,
    /// Records were kept from deletion.
    Preserved,
    /// It was closed.
    Closed,
}

impl Happened {
    /// Everything that can happen.
    pub const ALL: [Self; 11] = [
        Self::Opened,
        Self::Joined,
        Self::Noted,
        Self::Asked,
        Self::Refused,
        Self::Approved,
        Self::Evidence,
        Self::Disclosed,
        Self::Notified,
        Self::Preserved,
        Self::Closed,
    ];

    /// The word for it in JSON, tables and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Joined => "joined",
            Self::Noted => "noted",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Approved => "approved",
            Self::Evidence => "evidence",
            Self::Disclosed => "disclosed",
            Self::Notified => "notified",
            Self::Preserved => "preserved",
            Self::Closed => "closed",
        }
    }

    /// What the word says happened.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|happened| happened.as_str() == word)
    }
}

/// One entry of a thread without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: UtcMicros,
    /// Who.
    pub by: PersonId,
    /// What.
    pub what: Happened,
    /// Where in the journal it stands, for what the gate decided.
    pub journal_index: Option<u64>,
}

/// A case with its thread; the texts are apart, see [`Cases::texts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The case.
    pub case: Case,
    /// Its entries, the oldest first.
    pub entries: Vec<Entry>,
}

/// What people wrote in a case.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// Its title.
    pub title: String,
    /// The text of each entry, in the order of [`Thread::entries`]; empty where there is none.
    pub entries: Vec<String>,
}

/// Whether somebody opened the case, joined it, or was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// There was no such case.
    Opened,
    /// It was open.
    Joined,
    /// The person took part already.
    Present,
}

/// Which cases to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Those that are open.
    #[default]
    Open,
    /// Those that are closed.
    Closed,
    /// All of them.
    All,
}

/// The cases of an installation. What is taken in is durable when the call returns.
pub trait Cases: Send + Sync {
    /// Opens a case.
    ///
    /// # Errors
    /// [`CaseError::Exists`], [`CaseError::NotAnId`], [`CaseError::TooLong`], or the store's.
    fn open(
        &self,
        permit: &Permit<Store>,
        new: &NewCase,
    ) -> impl Future<Output = Result<CaseId, CaseError>> + Send;

    /// Joins the case, or opens it where there is none.
    ///
    /// # Errors
    /// [`CaseError::Closed`], [`CaseError::NotAnId`], or the store's.
    fn open_or_join(
        &self,
        permit: &Permit<Store>,
        id: &CaseId,
        person: &PersonId,
        at: UtcMicros,
    ) -> impl Future<Output = Result<Joining, CaseError>> + Send;

    /// Adds an entry with its text to the thread of an open case; says at which place it stands.
    ///
    /// # Errors
    /// [`CaseError::Unknown`], [`CaseError::Closed`], [`CaseError::TooLong`], or the store's.
    fn note(
        &self,
        permit: &Permit<Store>,
        id: &CaseId,
        entry: &Entry,
        text: &str,
    ) -> impl Future<Output = Result<u64, CaseError>> + Send;

    /// Closes a case; the reason is its last entry.
    ///
    /// # Errors
    /// [`CaseError::Unknown`], [`CaseError::Closed`], [`CaseError::TooLong`], or the store's.
    fn close(
        &self,
        permit: &Permit<Store>,
        id: &CaseId,
        by: &PersonId,
        at: UtcMicros,
        reason: &str,
    ) -> impl Future<Output = Result<(), CaseError>> + Send;

    /// The cases, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    fn list(&self, which: Which) -> impl Future<Output = Result<Vec<Case>, CaseError>> + Send;

    /// One case with its thread.
    ///
    /// # Errors
    /// [`CaseError::Unknown`], or the store's.
    fn show(&self, id: &CaseId) -> impl Future<Output = Result<Thread, CaseError>> + Send;

    /// The titles of these cases, in their order; empty for a case that is not known.
    ///
    /// # Errors
    /// When the store or the codec refuses.
    fn titles<A: Opens>(
        &self,
        permit: &Permit<A>,
        ids: &[CaseId],
    ) -> impl Future<Output = Result<Sealed<Vec<String>>, CaseError>> + Send;

    /// What people wrote in a case, sealed for that case.
    ///
    /// # Errors
    /// [`CaseError::Unknown`], or when the store or the codec refuses.
    fn texts<A: Opens>(
        &self,
        permit: &Permit<A>,
        id: &CaseId,
    ) -> impl Future<Output = Result<Sealed<Texts>, CaseError>> + Send;
}

impl fmt::Debug for NewCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[new case]")
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} texts]", self.entries.len())
    }
}

/// Longest title, reason or text of an entry, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
