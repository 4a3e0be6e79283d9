//! The console over a desk, and the links that are told when it begins.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use tadoru_desk::{Clock as _, Desk, SystemClock};
use tadoru_gate::journal::{verifier_of, verify};
use tadoru_web::Console;

use crate::door::{CommandError, user};
use crate::embedded::{Embedded, journal_folder};

/// The console over a desk in that folder, whose routes are `router`.
pub fn over(desk: &Arc<Desk<Embedded>>, router: Router, data: &Path) -> Arc<Console> {
    let journal = journal_folder(data);
    let check = move || Some(verify(&journal, &verifier_of(&journal).ok()?, None));
    Console::new(desk, router, Arc::new(SystemClock), Arc::new(check))
}

/// Where the first administrator sets an account; nothing once one has.
///
/// # Errors
/// When the account or the journal cannot be written.
pub fn first_link(desk: &Desk<Embedded>, listening: SocketAddr) -> Result<Option<String>, CommandError> {
    let issued = desk.first_link(&user(), SystemClock.now()).map_err(|e| {
        CommandError::Other("cannot issue the first account's link".to_owned(), Some(Box::new(e)))
    })?;
    Ok(issued.map(|link| {
        let (person, token) = (&link.person.0, &link.token);
        format!("`{person}` sets the first account of the console at http://{listening}/account/{token}")
    }))
}
