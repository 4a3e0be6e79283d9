//! The suite that every store of cases must pass.
//!
//! What comes in: an empty store, and somebody who gets permits. What goes out: the first law that does not hold.

use std::fmt::Debug;

use tadoru_gate::Permit;
use tadoru_gate::permit::{Learn, Store, Use};
use tadoru_model::{CaseId, PersonId, UtcMicros};

use super::{CaseError, Cases, Entry, Happened, Joining, MAX_TEXT_BYTES, NewCase, Texts, Which};

/// Who gets the permits that a suite asks with.
pub trait Door: Sync {
    /// To store registration data and complaints.
    fn store(&self) -> &Permit<Store>;
    /// To learn assignment records in a case.
    fn learn(&self, case: &CaseId) -> Permit<Learn>;
    /// To use registration data and complaints in a case.
    fn using(&self, case: &CaseId) -> Permit<Use>;
    /// The time.
    fn now(&self) -> UtcMicros;
}

/// Every law of [`Cases`].
///
/// # Errors
/// The first one that does not hold.
pub async fn cases(store: &impl Cases, door: &impl Door) -> Result<(), String> {
    let (ann, ben) = (PersonId("ann".into()), PersonId("ben".into()));
    let new = |id: Option<&str>, at| NewCase {
        id: id.map(|id| CaseId(id.into())),
        title: "what 192.0.2.1 did".into(),
        by: ann.clone(),
        at,
    };

    // Ids count up by the year, and go round one that is taken.
    let first = said(store.open(door.store(), &new(None, NEW_YEAR)).await)?;
    same("the first id of a year", &first.0.as_str(), &"2026-0001")?;
    let given = said(store.open(door.store(), &new(Some("2026-0002"), NEW_YEAR)).await)?;
    let next = said(store.open(door.store(), &new(None, NEW_YEAR.plus(1))).await)?;
    same("an id goes round one that is taken", &next.0.as_str(), &"2026-0003")?;
    let before = said(store.open(door.store(), &new(None, NEW_YEAR.plus(-1))).await)?;
    same("each year counts for itself", &before.0.as_str(), &"2025-0001")?;
    let again = store.open(door.store(), &new(Some(&given.0), NEW_YEAR)).await;
    law("no id is given twice", matches!(again, Err(CaseError::Exists(_))))?;
    for bad in ["", "a b", "../x", "-x", ".", &"x".repeat(65), "名"] {
        let opened = store.open(door.store(), &new(Some(bad), NEW_YEAR)).await;
        law("only an id is one", matches!(opened, Err(CaseError::NotAnId)))?;
    }

    // Joining opens, joins once, and finds who is there.
    let at = NEW_YEAR.plus(5);
    let id = CaseId("flood.7".into());
    same("opened", &said(store.open_or_join(door.store(), &id, &ann, at).await)?, &Joining::Opened)?;
    same("joined", &said(store.open_or_join(door.store(), &id, &ben, at.plus(1)).await)?, &Joining::Joined)?;
    same(
        "present",
        &said(store.open_or_join(door.store(), &id, &ben, at.plus(2)).await)?,
        &Joining::Present,
    )?;

    // The thread keeps order, and texts stand beside their entries.
    let entry = Entry {
        at: at.plus(3),
        by: ann.clone(),
        what: Happened::Asked,
        journal_index: Some(u64::from(u32::MAX)),
    };
    same("places count from 0", &said(store.note(door.store(), &id, &entry, "asked about it").await)?, &2)?;
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let too_long = store.note(door.store(), &id, &entry, &long).await;
    law("a text has a bound", matches!(too_long, Err(CaseError::TooLong)))?;
    said(store.close(door.store(), &id, &ben, at.plus(4), "done").await)?;
    let thread = said(store.show(&id).await)?;
    let happened: Vec<_> = thread.entries.iter().map(|entry| entry.what).collect();
    let expected = [Happened::Opened, Happened::Joined, Happened::Asked, Happened::Closed];
    same("the thread", &happened.as_slice(), &expected.as_slice())?;
    same("an entry comes back as it went in", &thread.entries.get(2), &Some(&entry))?;
    same("who took part", &thread.case.participants, &vec![ann.clone(), ben.clone()])?;
    same("who closed it", &thread.case.closed, &Some((ben.clone(), at.plus(4))))?;
    let texts = said(store.texts(&door.using(&id), &id).await)?;
    let texts = said(texts.into_open(&door.using(&id), door.now()))?;
    let words = ["", "", "asked about it", "done"].map(String::from).to_vec();
    law("the texts", texts == Texts { title: String::new(), entries: words })?;
    let sealed = said(store.texts(&door.using(&id), &id).await)?;
    law("another case's permit opens nothing", sealed.open(&door.using(&first), door.now()).is_err())?;
    let sealed = said(store.titles(&door.using(&id), &[first.clone(), CaseId("no".into())]).await)?;
    let titles = said(sealed.into_open(&door.using(&id), door.now()))?;
    law("titles", titles == ["what 192.0.2.1 did".to_owned(), String::new()])?;

    // Closed is closed.
    let closed = store.note(door.store(), &id, &entry, "").await;
    law("nothing is added to a closed case", matches!(closed, Err(CaseError::Closed(_))))?;
    let closed = store.open_or_join(door.store(), &id, &ann, at).await;
    law("nobody joins a closed case", matches!(closed, Err(CaseError::Closed(_))))?;
    let closed = store.close(door.store(), &id, &ann, at, "").await;
    law("a case is closed once", matches!(closed, Err(CaseError::Closed(_))))?;
    let unknown = store.show(&CaseId("nothing".into())).await;
    law("an unknown case is unknown", matches!(unknown, Err(CaseError::Unknown(_))))?;

    let ids = |cases: Vec<super::Case>| cases.into_iter().map(|case| case.id).collect::<Vec<_>>();
    same("closed cases", &ids(said(store.list(Which::Closed).await)?), &vec![id.clone()])?;
    let open = ids(said(store.list(Which::Open).await)?);
    same(
        "open cases, the latest first",
        &open,
        &vec![next.clone(), given.clone(), first.clone(), before.clone()],
    )?;
    same("all cases", &said(store.list(Which::All).await)?.len(), &5)
}

/// A law with a yes or no.
pub(crate) fn law(what: &str, holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}")) }
}

/// A law that two things are the same.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {expected:?}")) }
}

/// What was said, or the error as text.
pub(crate) fn said<T, E: Debug>(answer: Result<T, E>) -> Result<T, String> {
    answer.map_err(|error| format!("{error:?}"))
}

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: UtcMicros = UtcMicros(1_767_225_600_000_000);
