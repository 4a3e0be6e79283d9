//! The console over a desk, and the links that are told when it begins.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use tadoru_desk::{Clock as _, Desk, SystemClock};
use tadoru_gate::journal::{verifier_of, verify};
use tadoru_model::{Flows, PersonId};
use tadoru_web::{Console, Outside};

use crate::door::{CommandError, user};
use crate::embedded::{Embedded, journal_folder};

pub mod config;

/// The console over a desk in that folder, whose routes are `router`.
pub fn over(desk: &Arc<Desk<Embedded>>, router: Router, data: &Path) -> Arc<Console> {
    let journal = journal_folder(data);
    let check = move || Some(verify(&journal, &verifier_of(&journal).ok()?, None));
    let scratch = data.to_owned();
    let outside =
        Outside { verify: Arc::new(check), parquet: Arc::new(move |flows| parquet(&scratch, flows).ok()) };
    Console::new(desk, router, Arc::new(SystemClock), outside)
}

/// Flows as the octets of a Parquet file. On its way it is a file without a name in the data folder.
fn parquet(data: &Path, flows: &Flows) -> io::Result<Vec<u8>> {
    let number = EXPORTS.fetch_add(1, Ordering::Relaxed);
    let path = data.join(format!("export-{}-{number}.parquet", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    tadoru_store_embedded::flows::export(file.try_clone()?, flows)?;
    let mut octets = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut octets)?;
    Ok(octets)
}

/// Exports of this process: each has a name of its own for a moment.
static EXPORTS: AtomicU64 = AtomicU64::new(0);

/// What is told at the start as long as no administrator has an account: to a terminal the link that sets the first one,
/// elsewhere the command that prints it, for a log is no place for what opens the console.
///
/// # Errors
/// When the account or the journal cannot be written.
pub fn first_link(desk: &Desk<Embedded>, listening: SocketAddr) -> Result<Option<String>, CommandError> {
    told_of(desk, listening, Told::by(io::stderr().is_terminal()))
}

/// Who reads what is told at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// A person at a terminal.
    ToPerson,
    /// A log.
    ToLog,
}

impl Told {
    const fn by(is_terminal: bool) -> Self {
        if is_terminal { Self::ToPerson } else { Self::ToLog }
    }
}

fn told_of(desk: &Desk<Embedded>, listening: SocketAddr, told: Told) -> Result<Option<String>, CommandError> {
    if told == Told::ToLog {
        return Ok(desk.first_administrator(&user()).map(|PersonId(person)| {
            format!("no administrator has an account of the console yet; `tadoru account link {person}` prints the link")
        }));
    }
    let issued = desk.first_link(&user(), SystemClock.now()).map_err(|e| {
        CommandError::Other("cannot issue the first account's link".to_owned(), Some(Box::new(e)))
    })?;
    Ok(issued.map(|link| {
        let (person, token) = (&link.person.0, &link.token);
        format!("`{person}` sets the first account of the console at http://{listening}/account/{token}")
    }))
}

#[cfg(test)]
mod tests;
