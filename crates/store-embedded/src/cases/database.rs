//! The one SQLite file of the embedded installation: cases, directory, list of evidence.
//!
//! What comes in: the data folder. What goes out: connections to a file whose schema is the newest. A commit is on the
//! disk when it returns (write-ahead log, full synchronisation). One writer at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tadoru_gate::keys::Vault;
use tadoru_store::StoreError;

use super::codec::{Clock, Codec};

/// The database of a data folder, open.
pub struct Database {
    writer: SqlitePool,
    readers: SqlitePool,
    pub(crate) codec: Codec,
    pub(crate) folder: PathBuf,
}

impl Database {
    /// Opens `cases.sqlite` in `folder`, makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the disk refuses, or the file is damaged or from a later version of this program.
    pub async fn open(folder: &Path, vault: Vault, clock: Clock) -> Result<Arc<Self>, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| disk("make the folder of", source))?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = |most| SqlitePoolOptions::new().max_connections(most).connect_with(options.clone());
        let writer = pool(1).await.map_err(|e| failed("open", e))?;
        MIGRATIONS.run(&writer).await.map_err(migration)?;
        let readers = pool(READERS).await.map_err(|e| failed("open", e))?;
        Ok(Arc::new(Self { writer, readers, codec: Codec::new(vault, clock), folder: folder.to_owned() }))
    }

    /// Writes what is in the write-ahead log back into the file, and closes it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The one connection that writes; it is waited for.
    pub(crate) async fn write(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.writer.acquire().await.map_err(|e| failed("write", e))
    }

    /// A connection that reads.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(|e| failed("read", e))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[database]")
    }
}

/// A fault of SQLite in the store's words.
pub(crate) fn failed(doing: &'static str, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    // The low octet is the primary result code (https://sqlite.org/rescode.html).
    match code.map(|code| code & 0xff) {
        Some(13) => StoreError::Full { file: FILE.to_owned() },
        Some(11 | 26) => StoreError::Damaged { file: FILE.to_owned(), what: "it is not a sound database" },
        _ => disk(doing, io::Error::other(error)),
    }
}

fn migration(error: MigrateError) -> StoreError {
    let damaged = |what| StoreError::Damaged { file: FILE.to_owned(), what };
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            failed("bring up to date", error)
        }
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            damaged("it was written by a later version of this program")
        }
        MigrateError::VersionMismatch(_) => damaged("its schema is not the one its version had"),
        other => disk("bring up to date", io::Error::other(other)),
    }
}

fn disk(doing: &'static str, source: io::Error) -> StoreError {
    StoreError::Disk { doing, file: FILE.to_owned(), source }
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The file's name in the data folder.
pub(crate) const FILE: &str = "cases.sqlite";

/// How many connections read at once.
const READERS: u32 = 4;
