//! Statements in SQL over the flows that a permitted question found, in a database of their own that is in memory.
//!
//! What comes in: a question and one checked statement. What goes out: a table cut at its bounds. The database holds one
//! table, is made for one statement and gone with it; no file is attached to it, nothing is written once the flows are in,
//! and time, rows, bytes and memory are bounded. One statement runs at a time.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _,
    SqlSafeStr as _, Statement as _, TypeInfo as _, ValueRef as _,
};
use tadoru_gate::Permit;
use tadoru_gate::permit::Learn;
use tadoru_model::Flows as Batch;
use tadoru_store::StoreError;
use tadoru_store::flows::sql::{Bounds, SqlFault, Statement, Table, Value};
use tadoru_store::flows::{FlowsError, Question};

use self::table::{COLUMNS, bind, columns, definition};
use super::FlowStore;

mod table;
#[cfg(test)]
mod tests;

impl FlowStore {
    /// Runs a statement over what a question finds.
    pub(super) fn run(
        &self,
        _permit: &Permit<Learn>,
        question: &Question,
        statement: &Statement,
        bounds: Bounds,
    ) -> Result<Table, FlowsError> {
        let found = self.found(question, bounds.flows)?;
        let table = query(&found.flows, statement, bounds)?;
        Ok(Table { flows: found.flows.rows() as u64, partial: found.cut, ..table })
    }
}

/// Runs a statement over these flows, on a thread of its own: whoever calls may or may not be on a runtime.
pub(super) fn query(flows: &Batch, statement: &Statement, bounds: Bounds) -> Result<Table, FlowsError> {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(disk)?;
        runtime.block_on(async {
            let mut database = loaded(flows).await.map_err(fault)?;
            let answer = answered(&mut database, statement, bounds).await;
            let _ = database.close_hard().await;
            answer
        })
    };
    thread::scope(|scope| scope.spawn(asked).join())
        .unwrap_or_else(|_| Err(disk(std::io::Error::other("the database ended by itself"))))
}

/// A database in memory with these flows as its one table; nothing can be written to it any more.
async fn loaded(flows: &Batch) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(":memory:")
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        // Of the whole process, and for good: SQLite can lower such a limit, never raise it.
        .pragma("hard_heap_limit", HEAP_BYTES)
        .disable_statement_logging();
    let mut database = SqliteConnection::connect_with(&options).await?;
    database.execute(AssertSqlSafe(definition())).await?;
    let mut load = database.begin().await?;
    let one = format!("({})", vec!["?"; columns()].join(","));
    let insert = |rows: usize| {
        format!("INSERT INTO flows ({}) VALUES {}", COLUMNS.join(","), vec![one.as_str(); rows].join(","))
    };
    let whole = insert(ROWS_AT_ONCE);
    let rows: Vec<usize> = (0..flows.rows()).collect();
    for some in rows.chunks(ROWS_AT_ONCE) {
        let text = if some.len() == ROWS_AT_ONCE { whole.clone() } else { insert(some.len()) };
        let mut query = sqlx::query(AssertSqlSafe(text));
        for flow in some.iter().filter_map(|row| flows.get(*row)) {
            query = bind(query, &flow);
        }
        query.execute(&mut *load).await?;
    }
    load.commit().await?;
    database.execute("PRAGMA query_only = ON").await?;
    Ok(database)
}

async fn answered(
    database: &mut SqliteConnection,
    statement: &Statement,
    bounds: Bounds,
) -> Result<Table, FlowsError> {
    let until = Instant::now() + bounds.time;
    let mut handle = database.lock_handle().await.map_err(fault)?;
    handle.set_progress_handler(STEPS, move || Instant::now() < until);
    drop(handle);
    // A single step can be long too: then the answer is not waited for.
    let ends = tokio::time::timeout(bounds.time + GRACE, rows(database, statement, bounds)).await;
    match ends {
        Ok(Ok(table)) => Ok(table),
        Ok(Err(_)) | Err(_) if Instant::now() >= until => Err(SqlFault::TooSlow(bounds.time).into()),
        Ok(Err(error)) => Err(fault(error)),
        Err(_) => Err(SqlFault::TooSlow(bounds.time).into()),
    }
}

async fn rows(
    database: &mut SqliteConnection,
    statement: &Statement,
    bounds: Bounds,
) -> Result<Table, sqlx::Error> {
    let text = || AssertSqlSafe(statement.as_str().to_owned());
    let prepared = database.prepare(text().into_sql_str()).await?;
    let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    let mut table = Table { columns, ..Table::default() };
    let mut bytes = 0;
    let taken = sqlx::query(text())
        .try_map(|row: SqliteRow| {
            let room = table.rows.len() < bounds.rows;
            match if room { values(&row, &mut bytes, bounds.bytes)? } else { None } {
                Some(values) => table.rows.push(values),
                None => {
                    table.cut = true;
                    return Err(sqlx::Error::RowNotFound);
                }
            }
            Ok(())
        })
        .fetch_all(&mut *database)
        .await;
    match taken {
        Err(error) if !table.cut => Err(error),
        _ => Ok(table),
    }
}

/// The values of a row; `None` when they do not fit into the bytes that are left.
fn values(row: &SqliteRow, bytes: &mut usize, most: usize) -> Result<Option<Vec<Value>>, sqlx::Error> {
    let mut values = Vec::with_capacity(row.len());
    for place in 0..row.len() {
        let raw = row.try_get_raw(place)?;
        let kind = if raw.is_null() { String::new() } else { raw.type_info().name().to_owned() };
        let value = match kind.as_str() {
            "" => Value::Null,
            "INTEGER" => Value::Integer(row.try_get_unchecked(place)?),
            "REAL" => Value::Real(row.try_get_unchecked(place)?),
            "BLOB" => {
                let octets: &[u8] = row.try_get_unchecked(place)?;
                *bytes += octets.len();
                if *bytes > most { return Ok(None) } else { Value::Bytes(octets.to_vec()) }
            }
            _ => {
                // A text of the asker's own making need not be UTF-8.
                let octets: &[u8] = row.try_get_unchecked(place)?;
                *bytes += octets.len();
                if *bytes > most {
                    return Ok(None);
                }
                Value::Text(String::from_utf8_lossy(octets).into_owned())
            }
        };
        *bytes += size_of::<Value>();
        values.push(value);
    }
    Ok((*bytes <= most).then_some(values))
}

/// A fault of the database: the statement's, or that there is no more memory for it.
fn fault(error: sqlx::Error) -> FlowsError {
    let Some(told) = error.as_database_error() else { return disk(std::io::Error::other(error)) };
    // The low octet is the primary result code (https://sqlite.org/rescode.html).
    match told.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(NOMEM | TOO_BIG) => SqlFault::TooMuch.into(),
        _ => SqlFault::refused(told.message()).into(),
    }
}

fn disk(source: std::io::Error) -> FlowsError {
    StoreError::Disk { doing: "run a statement in", file: "memory".to_owned(), source }.into()
}

/// Held while a statement runs: the bounds are those of all.
static ONE: Mutex<()> = Mutex::new(());

const NOMEM: u32 = 7;
const TOO_BIG: u32 = 18;
/// Memory of all databases of the process together.
const HEAP_BYTES: &str = "1073741824";
/// Flows inserted by one statement: SQLite takes 32,766 values at once.
const ROWS_AT_ONCE: usize = 500;
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;
/// How much longer than its time a single step may hold the answer up.
const GRACE: Duration = Duration::from_secs(5);
