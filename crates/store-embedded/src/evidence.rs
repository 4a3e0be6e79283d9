//! Evidence in files named by their SHA-256, with its list in SQLite.
//!
//! What comes in and goes out: see [`Evidence`]. An exhibit is compressed, sealed piece by piece and written beside its
//! place; it gets its name when it is whole and on the disk, so that a name always means whole bytes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use sqlx::{Connection, Row};
use tadoru_gate::permit::{Opens, Store};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{CaseId, PersonId, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::cases::CaseError;
use tadoru_store::evidence::{About, Digest, Evidence, Exhibit, Opened};

use crate::cases::Database;
use crate::cases::codec::{Class, Opener};
use crate::cases::database::{FILE, failed};

mod frames;
#[cfg(test)]
mod tests;

use frames::{Content, FrameWriter};

/// The evidence of a data folder.
#[derive(Debug)]
pub struct Exhibits {
    database: Arc<Database>,
    folder: PathBuf,
    /// Numbers the files that are being written.
    next: AtomicU64,
}

impl Exhibits {
    /// The evidence in the data folder of `database`; what a crash left half written is removed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(database: Arc<Database>) -> Result<Self, StoreError> {
        let folder = database.folder.join(FOLDER);
        let unfinished = folder.join(UNFINISHED);
        fs::create_dir_all(&unfinished).map_err(|e| disk("make", FOLDER, e))?;
        for entry in fs::read_dir(&unfinished).map_err(|e| disk("read", FOLDER, e))? {
            let entry = entry.map_err(|e| disk("read", FOLDER, e))?;
            fs::remove_file(entry.path()).map_err(|e| disk("tidy", FOLDER, e))?;
        }
        Ok(Self { database, folder, next: AtomicU64::new(0) })
    }

    /// Writes an exhibit beside its place, whole and on the disk; says its digest and size.
    fn write(
        &self,
        permit: &Permit<Store>,
        about: &About,
        content: &mut (dyn Read + Send),
        unfinished: &Path,
    ) -> Result<(Digest, u64), StoreError> {
        let file = File::create_new(unfinished).map_err(|e| disk("make", FOLDER, e))?;
        let sealer = self.database.codec.sealer(permit, Class::Evidence, about.data, about.at)?;
        let frames = FrameWriter::new(file, sealer).map_err(|e| disk("write", FOLDER, e))?;
        let mut zstd = zstd::Encoder::new(frames, zstd::DEFAULT_COMPRESSION_LEVEL)
            .map_err(|e| disk("write", FOLDER, e))?;
        let mut hash = Sha256::new();
        let mut size_bytes = 0_u64;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(StoreError::Disk { doing: "read", file: GIVEN.to_owned(), source });
                }
            };
            let Some(bytes) = buffer.get(..count) else { break };
            hash.update(bytes);
            size_bytes = size_bytes.saturating_add(count as u64);
            zstd.write_all(bytes).map_err(|e| disk("write", FOLDER, e))?;
        }
        let file = zstd.finish().and_then(FrameWriter::finish).map_err(|e| disk("write", FOLDER, e))?;
        file.sync_all().map_err(|e| disk("write", FOLDER, e))?;
        Ok((Digest(hash.finalize().into()), size_bytes))
    }

    /// Lists the exhibit and gives its file its name, both or neither.
    async fn keep(
        &self,
        permit: &Permit<Store>,
        about: &About,
        (digest, size_bytes): (Digest, u64),
        unfinished: &Path,
    ) -> Result<(), CaseError> {
        let sealed_name = {
            let mut sealer = self.database.codec.sealer(permit, Class::Evidence, about.data, about.at)?;
            sealer.seal(NAME, about.name.as_bytes())?
        };
        // The connection that writes is held over the renaming: no removal comes between.
        let mut connection = self.database.write().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
        let case: Option<i64> = sqlx::query_scalar("SELECT 1 FROM desk_case WHERE id = ?")
            .bind(&about.case.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(writing)?;
        if case.is_none() {
            return Err(CaseError::Unknown(about.case.clone()));
        }
        sqlx::query(
            "INSERT INTO exhibit (case_id, digest, size_bytes, media_type, data, by_person, at_us, sealed_name)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&about.case.0)
        .bind(digest.0.as_slice())
        .bind(i64::try_from(size_bytes).unwrap_or(i64::MAX))
        .bind(&about.media_type)
        .bind(words(about.data))
        .bind(&about.by.0)
        .bind(about.at.0)
        .bind(sealed_name)
        .execute(&mut *tx)
        .await
        .map_err(writing)?;
        self.name(digest, unfinished)?;
        tx.commit().await.map_err(writing)?;
        Ok(())
    }

    /// Gives a finished file its name. A file that has it already is replaced by the same bytes, which mends it.
    fn name(&self, digest: Digest, unfinished: &Path) -> Result<(), StoreError> {
        let place = self.place(digest);
        let name = name_of(digest);
        let shelf = place.parent().unwrap_or(&self.folder);
        if !shelf.exists() {
            fs::create_dir_all(shelf).map_err(|e| disk("make", &name, e))?;
            sync_folder(&self.folder).map_err(|e| disk("write", &name, e))?;
        }
        fs::rename(unfinished, &place).map_err(|e| disk("name", &name, e))?;
        sync_folder(shelf).map_err(|e| disk("write", &name, e))
    }

    fn place(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_string();
        let (shelf, rest) = hex.split_at(SHELF_DIGITS);
        self.folder.join(shelf).join(rest)
    }

    /// The bytes of an exhibit, from its file.
    fn content<'p>(&self, opener: Opener<'p>, digest: Digest) -> Result<Content<'p>, StoreError> {
        let name = name_of(digest);
        let file = match File::open(self.place(digest)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Damaged { file: name, what: "it is gone" });
            }
            Err(e) => return Err(disk("open", &name, e)),
        };
        Content::new(file, opener, digest).map_err(|e| disk("read", &name, e))
    }
}

impl Evidence for Exhibits {
    async fn put(
        &self,
        permit: &Permit<Store>,
        about: &About,
        content: &mut (dyn Read + Send),
    ) -> Result<Digest, CaseError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unfinished = Unfinished(self.folder.join(UNFINISHED).join(number.to_string()));
        let written = self.write(permit, about, content, &unfinished.0)?;
        self.keep(permit, about, written, &unfinished.0).await?;
        Ok(written.0)
    }

    async fn list(&self, case: &CaseId) -> Result<Vec<Exhibit>, StoreError> {
        let mut connection = self.database.read().await?;
        let rows = sqlx::query(
            "SELECT digest, size_bytes, media_type, data, by_person, at_us
             FROM exhibit WHERE case_id = ? ORDER BY at_us, digest",
        )
        .bind(&case.0)
        .fetch_all(&mut *connection)
        .await
        .map_err(reading)?;
        let mut exhibits = Vec::with_capacity(rows.len());
        for row in rows {
            let digest: &[u8] = row.try_get("digest").map_err(reading)?;
            let size: i64 = row.try_get("size_bytes").map_err(reading)?;
            exhibits.push(Exhibit {
                digest: Digest(digest.try_into().map_err(|_| damaged("a digest has a wrong length"))?),
                size_bytes: u64::try_from(size).unwrap_or(0),
                media_type: row.try_get("media_type").map_err(reading)?,
                data: categories(row.try_get("data").map_err(reading)?),
                by: PersonId(row.try_get("by_person").map_err(reading)?),
                at: UtcMicros(row.try_get("at_us").map_err(reading)?),
            });
        }
        Ok(exhibits)
    }

    async fn open<'p, A: Opens>(
        &self,
        permit: &'p Permit<A>,
        case: &CaseId,
        digest: Digest,
    ) -> Result<Option<Sealed<Opened<'p>>>, StoreError> {
        let mut connection = self.database.read().await?;
        let row = sqlx::query("SELECT data, sealed_name FROM exhibit WHERE case_id = ? AND digest = ?")
            .bind(&case.0)
            .bind(digest.0.as_slice())
            .fetch_optional(&mut *connection)
            .await
            .map_err(reading)?;
        let Some(row) = row else { return Ok(None) };
        let data = categories(row.try_get("data").map_err(reading)?);
        let sealed_name: Vec<u8> = row.try_get("sealed_name").map_err(reading)?;
        let mut opener = self.database.codec.opener(permit, Class::Evidence, data)?;
        let name = opener.open_text(NAME, &sealed_name)?;
        let content = Box::new(self.content(opener, digest)?);
        Ok(Some(Sealed::new(data, Some(case.clone()), Opened { name, content })))
    }

    async fn verify<A: Opens>(&self, permit: &Permit<A>, digest: Digest) -> Result<u64, StoreError> {
        let mut connection = self.database.read().await?;
        let data: Option<String> =
            sqlx::query_scalar("SELECT data FROM exhibit WHERE digest = ? ORDER BY at_us LIMIT 1")
                .bind(digest.0.as_slice())
                .fetch_optional(&mut *connection)
                .await
                .map_err(reading)?;
        drop(connection);
        let Some(data) = data else { return Err(damaged("no case has such an exhibit")) };
        let opener = self.database.codec.opener(permit, Class::Evidence, categories(&data))?;
        let mut content = self.content(opener, digest)?;
        io::copy(&mut content, &mut io::sink()).map_err(|e| disk("read", &name_of(digest), e))
    }

    async fn remove(
        &self,
        _permit: &Permit<Store>,
        case: &CaseId,
        digest: Digest,
    ) -> Result<bool, StoreError> {
        let mut connection = self.database.write().await?;
        let done = sqlx::query("DELETE FROM exhibit WHERE case_id = ? AND digest = ?")
            .bind(&case.0)
            .bind(digest.0.as_slice())
            .execute(&mut *connection)
            .await
            .map_err(|e| failed("write", e))?;
        let others: i64 = sqlx::query_scalar("SELECT count(*) FROM exhibit WHERE digest = ?")
            .bind(digest.0.as_slice())
            .fetch_one(&mut *connection)
            .await
            .map_err(reading)?;
        if others == 0 {
            match fs::remove_file(self.place(digest)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(disk("delete", &name_of(digest), e));
                }
                _ => {}
            }
        }
        Ok(done.rows_affected() > 0)
    }
}

/// A file that is being written; it is gone when this is, unless it got its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // A file that cannot be removed now is removed when the store is opened next.
        let _ = fs::remove_file(&self.0);
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The exhibit's file in the data folder.
fn name_of(digest: Digest) -> String {
    let hex = digest.to_string();
    let (shelf, rest) = hex.split_at(SHELF_DIGITS);
    format!("{FOLDER}/{shelf}/{rest}")
}

fn words(data: DataSet) -> String {
    data.iter().map(DataCategory::as_str).collect::<Vec<_>>().join(",")
}

/// The categories of a list of words. A word of a later version counts as content, the strictest there is.
fn categories(words: &str) -> DataSet {
    let words = words.split(',').filter(|word| !word.is_empty());
    let list: Vec<_> = words.map(|word| DataCategory::parse(word).unwrap_or(DataCategory::Cont)).collect();
    DataSet::of(&list)
}

/// A fault of a file in the store's words; one of the codec or of the bytes comes through as it is.
fn disk(doing: &'static str, file: &str, source: io::Error) -> StoreError {
    match source.downcast::<StoreError>() {
        Ok(StoreError::Damaged { what, .. }) => StoreError::Damaged { file: file.to_owned(), what },
        Ok(own) => own,
        Err(e) if e.kind() == io::ErrorKind::StorageFull => StoreError::Full { file: file.to_owned() },
        Err(source) => StoreError::Disk { doing, file: file.to_owned(), source },
    }
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { file: FILE.to_owned(), what }
}

fn reading(error: sqlx::Error) -> StoreError {
    failed("read", error)
}

fn writing(error: sqlx::Error) -> CaseError {
    failed("write", error).into()
}

/// The folder in the data folder.
const FOLDER: &str = "evidence";

/// Where in it files are written until they are whole.
const UNFINISHED: &str = "unfinished";

/// What a reader that was handed in is called in an error.
const GIVEN: &str = "the exhibit that was handed in";

/// How many digits of the digest name the folder that a file is in.
const SHELF_DIGITS: usize = 2;

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// What the sealed name of an exhibit is taken for.
const NAME: &str = "name of an exhibit";
