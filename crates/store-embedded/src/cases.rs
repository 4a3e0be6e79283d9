//! Cases in SQLite.
//!
//! What comes in and goes out: see [`Cases`]. Titles and texts are sealed before they reach the file.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use tadoru_gate::permit::{Opens, Store};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{CaseId, PersonId, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::cases::{
    Case, CaseError, Cases, Entry, Happened, Joining, MAX_TEXT_BYTES, NewCase, Texts, Thread, Which, check_id,
};

pub use database::Database;

pub(crate) mod codec;
pub mod database;
#[cfg(test)]
pub(crate) mod desk;
#[cfg(test)]
mod tests;

pub use codec::Clock;
use codec::{Class, Opener};
use database::{FILE, failed};

/// The cases of a data folder.
#[derive(Debug, Clone)]
pub struct CaseBook(Arc<Database>);

impl CaseBook {
    /// The cases in `database`.
    pub const fn new(database: Arc<Database>) -> Self {
        Self(database)
    }

    /// The sealed form of a text; none for no text.
    fn sealed(
        &self,
        permit: &Permit<Store>,
        at: UtcMicros,
        text: &str,
    ) -> Result<Option<Vec<u8>>, CaseError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(CaseError::TooLong);
        }
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.0.codec.sealer(permit, Class::Case, TEXTS, at)?.seal(TEXT, text.as_bytes())?))
    }
}

impl Cases for CaseBook {
    async fn open(&self, permit: &Permit<Store>, new: &NewCase) -> Result<CaseId, CaseError> {
        let title = self.sealed(permit, new.at, &new.title)?;
        if let Some(id) = &new.id {
            check_id(id)?;
        }
        let mut connection = self.0.write().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
        let id = match &new.id {
            Some(id) if state(&mut tx, id).await?.is_some() => return Err(CaseError::Exists(id.clone())),
            Some(id) => id.clone(),
            None => next_id(&mut tx, new.at).await?,
        };
        insert_case(&mut tx, &id, &new.by, new.at, title).await?;
        tx.commit().await.map_err(writing)?;
        Ok(id)
    }

    async fn open_or_join(
        &self,
        permit: &Permit<Store>,
        id: &CaseId,
        person: &PersonId,
        at: UtcMicros,
    ) -> Result<Joining, CaseError> {
        check_id(id)?;
        let title = self.sealed(permit, at, "")?;
        let mut connection = self.0.write().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
        let joining = match state(&mut tx, id).await? {
            Some(State::Closed) => return Err(CaseError::Closed(id.clone())),
            Some(State::Open) => {
                if !join(&mut tx, id, person).await? {
                    return Ok(Joining::Present);
                }
                let entry = Entry { at, by: person.clone(), what: Happened::Joined, journal_index: None };
                insert_entry(&mut tx, id, &entry, None).await?;
                Joining::Joined
            }
            None => {
                insert_case(&mut tx, id, person, at, title).await?;
                Joining::Opened
            }
        };
        tx.commit().await.map_err(writing)?;
        Ok(joining)
    }

    async fn note(
        &self,
        permit: &Permit<Store>,
        id: &CaseId,
        entry: &Entry,
        text: &str,
    ) -> Result<u64, CaseError> {
        let text = self.sealed(permit, entry.at, text)?;
        let mut connection = self.0.write().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
        need_open(&mut tx, id).await?;
        join(&mut tx, id, &entry.by).await?;
        let number = insert_entry(&mut tx, id, entry, text).await?;
        tx.commit().await.map_err(writing)?;
        Ok(number)
    }

    async fn close(
        &self,
        permit: &Permit<Store>,
        id: &CaseId,
        by: &PersonId,
        at: UtcMicros,
        reason: &str,
    ) -> Result<(), CaseError> {
        let reason = self.sealed(permit, at, reason)?;
        let mut connection = self.0.write().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
        need_open(&mut tx, id).await?;
        join(&mut tx, id, by).await?;
        let entry = Entry { at, by: by.clone(), what: Happened::Closed, journal_index: None };
        insert_entry(&mut tx, id, &entry, reason).await?;
        sqlx::query("UPDATE desk_case SET closed_us = ?, closed_by = ? WHERE id = ?")
            .bind(at.0)
            .bind(&by.0)
            .bind(&id.0)
            .execute(&mut *tx)
            .await
            .map_err(writing)?;
        tx.commit().await.map_err(writing)?;
        Ok(())
    }

    async fn list(&self, which: Which) -> Result<Vec<Case>, CaseError> {
        // One transaction, so that cases, people and counts are of one instant.
        let mut connection = self.0.read().await?;
        let mut tx = connection.begin().await.map_err(reading)?;
        let rows = sqlx::query(
            "SELECT id, opened_us, opened_by, closed_us, closed_by,
                    (SELECT count(*) FROM case_entry WHERE case_id = id) AS entries
             FROM desk_case WHERE ? = 2 OR (closed_us IS NOT NULL) = ? ORDER BY opened_us DESC, id DESC",
        )
        .bind(match which {
            Which::Open => 0_i64,
            Which::Closed => 1,
            Which::All => 2,
        })
        .bind(matches!(which, Which::Closed))
        .fetch_all(&mut *tx)
        .await
        .map_err(reading)?;
        let mut cases = Vec::with_capacity(rows.len());
        for row in rows {
            let mut case = case_of(&row)?;
            case.participants = participants(&mut tx, &case.id).await?;
            cases.push(case);
        }
        Ok(cases)
    }

    async fn show(&self, id: &CaseId) -> Result<Thread, CaseError> {
        let mut connection = self.0.read().await?;
        let mut tx = connection.begin().await.map_err(reading)?;
        let row = sqlx::query(
            "SELECT id, opened_us, opened_by, closed_us, closed_by,
                    (SELECT count(*) FROM case_entry WHERE case_id = id) AS entries
             FROM desk_case WHERE id = ?",
        )
        .bind(&id.0)
        .fetch_optional(&mut *tx)
        .await
        .map_err(reading)?
        .ok_or_else(|| CaseError::Unknown(id.clone()))?;
        let mut case = case_of(&row)?;
        case.participants = participants(&mut tx, id).await?;
        let rows = sqlx::query(
            "SELECT at_us, by_person, what, journal_index FROM case_entry WHERE case_id = ? ORDER BY number",
        )
        .bind(&id.0)
        .fetch_all(&mut *tx)
        .await
        .map_err(reading)?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let what: String = row.try_get("what").map_err(reading)?;
            let index: Option<i64> = row.try_get("journal_index").map_err(reading)?;
            entries.push(Entry {
                at: UtcMicros(row.try_get("at_us").map_err(reading)?),
                by: PersonId(row.try_get("by_person").map_err(reading)?),
                what: Happened::parse(&what)
                    .ok_or_else(|| damaged("a case has an entry of no known kind"))?,
                journal_index: index.and_then(|index| index.try_into().ok()),
            });
        }
        Ok(Thread { case, entries })
    }

    async fn titles<A: Opens>(
        &self,
        permit: &Permit<A>,
        ids: &[CaseId],
    ) -> Result<Sealed<Vec<String>>, CaseError> {
        let mut connection = self.0.read().await?;
        let mut opener = self.0.codec.opener(permit, Class::Case, TEXTS)?;
        let mut titles = Vec::with_capacity(ids.len());
        for id in ids {
            let sealed: Option<Option<Vec<u8>>> =
                sqlx::query_scalar("SELECT sealed_title FROM desk_case WHERE id = ?")
                    .bind(&id.0)
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(reading)?;
            titles.push(text_of(&mut opener, sealed.flatten())?);
        }
        Ok(Sealed::new(TEXTS, permit.case().cloned(), titles))
    }

    async fn texts<A: Opens>(&self, permit: &Permit<A>, id: &CaseId) -> Result<Sealed<Texts>, CaseError> {
        let mut connection = self.0.read().await?;
        let mut tx = connection.begin().await.map_err(reading)?;
        let title: Option<Vec<u8>> = sqlx::query_scalar("SELECT sealed_title FROM desk_case WHERE id = ?")
            .bind(&id.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(reading)?
            .ok_or_else(|| CaseError::Unknown(id.clone()))?;
        let sealed: Vec<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT sealed_text FROM case_entry WHERE case_id = ? ORDER BY number")
                .bind(&id.0)
                .fetch_all(&mut *tx)
                .await
                .map_err(reading)?;
        let mut opener = self.0.codec.opener(permit, Class::Case, TEXTS)?;
        let mut texts =
            Texts { title: text_of(&mut opener, title)?, entries: Vec::with_capacity(sealed.len()) };
        for text in sealed {
            texts.entries.push(text_of(&mut opener, text)?);
        }
        Ok(Sealed::new(TEXTS, Some(id.clone()), texts))
    }
}

fn text_of(opener: &mut Opener<'_>, sealed: Option<Vec<u8>>) -> Result<String, StoreError> {
    sealed.map_or_else(|| Ok(String::new()), |sealed| opener.open_text(TEXT, &sealed))
}

/// Whether a case is open.
enum State {
    Open,
    Closed,
}

async fn state(tx: &mut SqliteConnection, id: &CaseId) -> Result<Option<State>, CaseError> {
    let closed: Option<Option<i64>> = sqlx::query_scalar("SELECT closed_us FROM desk_case WHERE id = ?")
        .bind(&id.0)
        .fetch_optional(tx)
        .await
        .map_err(writing)?;
    Ok(closed.map(|closed| if closed.is_some() { State::Closed } else { State::Open }))
}

async fn need_open(tx: &mut SqliteConnection, id: &CaseId) -> Result<(), CaseError> {
    match state(tx, id).await? {
        Some(State::Open) => Ok(()),
        Some(State::Closed) => Err(CaseError::Closed(id.clone())),
        None => Err(CaseError::Unknown(id.clone())),
    }
}

/// The next free id of the year of `at`.
async fn next_id(tx: &mut SqliteConnection, at: UtcMicros) -> Result<CaseId, CaseError> {
    let year = at.to_timestamp().and_then(|timestamp| timestamp.strftime("%Y").to_string().parse().ok());
    let year: i64 = year.unwrap_or(1970);
    loop {
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO case_number (year, last) VALUES (?, 1)
             ON CONFLICT (year) DO UPDATE SET last = last + 1 RETURNING last",
        )
        .bind(year)
        .fetch_one(&mut *tx)
        .await
        .map_err(writing)?;
        let id = CaseId(format!("{year}-{number:04}"));
        if state(tx, &id).await?.is_none() {
            return Ok(id);
        }
    }
}

async fn insert_case(
    tx: &mut SqliteConnection,
    id: &CaseId,
    by: &PersonId,
    at: UtcMicros,
    title: Option<Vec<u8>>,
) -> Result<(), CaseError> {
    sqlx::query("INSERT INTO desk_case (id, opened_us, opened_by, sealed_title) VALUES (?, ?, ?, ?)")
        .bind(&id.0)
        .bind(at.0)
        .bind(&by.0)
        .bind(title)
        .execute(&mut *tx)
        .await
        .map_err(writing)?;
    join(tx, id, by).await?;
    let entry = Entry { at, by: by.clone(), what: Happened::Opened, journal_index: None };
    insert_entry(tx, id, &entry, None).await?;
    Ok(())
}

/// Makes a person take part; says whether they did not before.
async fn join(tx: &mut SqliteConnection, id: &CaseId, person: &PersonId) -> Result<bool, CaseError> {
    let done = sqlx::query(
        "INSERT INTO case_participant (case_id, number, person)
         VALUES (?1, (SELECT count(*) FROM case_participant WHERE case_id = ?1), ?2) ON CONFLICT DO NOTHING",
    )
    .bind(&id.0)
    .bind(&person.0)
    .execute(tx)
    .await
    .map_err(writing)?;
    Ok(done.rows_affected() > 0)
}

async fn insert_entry(
    tx: &mut SqliteConnection,
    id: &CaseId,
    entry: &Entry,
    text: Option<Vec<u8>>,
) -> Result<u64, CaseError> {
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO case_entry (case_id, number, at_us, by_person, what, journal_index, sealed_text)
         VALUES (?1, (SELECT count(*) FROM case_entry WHERE case_id = ?1), ?2, ?3, ?4, ?5, ?6) RETURNING number",
    )
    .bind(&id.0)
    .bind(entry.at.0)
    .bind(&entry.by.0)
    .bind(entry.what.as_str())
    .bind(entry.journal_index.and_then(|index| i64::try_from(index).ok()))
    .bind(text)
    .fetch_one(tx)
    .await
    .map_err(writing)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

/// A case without the people who took part.
fn case_of(row: &sqlx::sqlite::SqliteRow) -> Result<Case, CaseError> {
    let by: Option<String> = row.try_get("closed_by").map_err(reading)?;
    let at: Option<i64> = row.try_get("closed_us").map_err(reading)?;
    let entries: i64 = row.try_get("entries").map_err(reading)?;
    Ok(Case {
        id: CaseId(row.try_get("id").map_err(reading)?),
        opened_by: PersonId(row.try_get("opened_by").map_err(reading)?),
        opened: UtcMicros(row.try_get("opened_us").map_err(reading)?),
        closed: by.zip(at).map(|(by, at)| (PersonId(by), UtcMicros(at))),
        participants: Vec::new(),
        entries: u64::try_from(entries).unwrap_or(0),
    })
}

async fn participants(tx: &mut SqliteConnection, id: &CaseId) -> Result<Vec<PersonId>, CaseError> {
    let people: Vec<String> =
        sqlx::query_scalar("SELECT person FROM case_participant WHERE case_id = ? ORDER BY number")
            .bind(&id.0)
            .fetch_all(tx)
            .await
            .map_err(reading)?;
    Ok(people.into_iter().map(PersonId).collect())
}

fn writing(error: sqlx::Error) -> CaseError {
    failed("write", error).into()
}

fn reading(error: sqlx::Error) -> CaseError {
    failed("read", error).into()
}

fn damaged(what: &'static str) -> CaseError {
    StoreError::Damaged { file: FILE.to_owned(), what }.into()
}

/// What people write in cases may come from a complaint.
const TEXTS: DataSet = DataSet::of(&[DataCategory::Cmp]);

/// What a sealed text of a case is taken for.
const TEXT: &str = "text of a case";
