//! One line of intake: raw records on their way to the disk under a standing permit, and the word that some arrived.
//!
//! What comes in: batches of raw records. What goes out: receipts; and the records again, for the one thread that applies
//! them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tadoru_desk::ask::Work;
use tadoru_desk::{Desk, DeskError};
use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::SourceName;
use tadoru_observe::{Receipt, Spool, SpoolError, SpoolRecord};
use tadoru_store::StoreError;
use tadoru_store_embedded::spool::{Record, Spool as Files};

use super::room::{Room, State, Writer};
use crate::embedded::Embedded;

/// Raw records on their way to the disk.
pub struct Line {
    /// The desk whose standing permit it is.
    pub desk: Arc<Desk<Embedded>>,
    /// Where the records are.
    pub files: Files,
    /// Whether there is room for them.
    pub room: Room,
    work: Work,
    permit: Mutex<Arc<Permit<Store>>>,
    arrived: Condvar,
    waiting: Mutex<bool>,
}

impl Line {
    /// A line into these files, for this work.
    ///
    /// # Errors
    /// When the rules do not permit the recording.
    pub fn new(desk: Arc<Desk<Embedded>>, files: Files, work: Work) -> Result<Self, DeskError> {
        let permit = Mutex::new(Arc::new(desk.standing(work)?));
        let (arrived, waiting) = (Condvar::new(), Mutex::new(false));
        Ok(Self { desk, files, room: Room::default(), work, permit, arrived, waiting })
    }

    /// Notes how a writer fared, and says what is news.
    pub fn note<T>(&self, writer: Writer, outcome: &Result<T, DeskError>) {
        if let Some(news) = self.room.note(writer, State::of(outcome)) {
            tracing::warn!("{news}");
        }
    }

    /// Does something under the standing permit, which is asked for anew when it has ended.
    ///
    /// # Errors
    /// When the rules do not give it any more, or the deed fails.
    pub fn under<T, E: Into<DeskError>>(
        &self,
        deed: impl FnOnce(&Permit<Store>) -> Result<T, E>,
    ) -> Result<T, DeskError> {
        let permit = {
            let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
            if !permit.holds(self.desk.now()) {
                *permit = Arc::new(self.desk.standing(self.work)?);
            }
            Arc::clone(&permit)
        };
        deed(&permit).map_err(Into::into)
    }

    /// Waits until something arrives, or `most` has passed.
    pub fn wait(&self, most: Duration) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let woken = self.arrived.wait_timeout_while(waiting, most, |new| !*new);
        *woken.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    fn wake(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.arrived.notify_all();
    }
}

impl Spool for Line {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        let records: Vec<Record> = batch
            .iter()
            .map(|record| {
                let mut bytes = Vec::with_capacity(record.octets.len() + 64);
                record.write(&mut bytes);
                let source = record.source.clone().unwrap_or_else(|| SourceName::from(""));
                Record { source, arrived: record.arrival, bytes }
            })
            .collect();
        let outcome = self.under(|permit| self.files.append(permit, &records));
        self.note(Writer::Spool, &outcome);
        let mark = match outcome {
            Ok(receipt) => receipt.mark.0,
            Err(DeskError::Store(StoreError::Full { .. })) => return Err(SpoolError::Full),
            Err(error) => return Err(SpoolError::Failed(std::io::Error::other(error))),
        };
        self.wake();
        Ok(Receipt { first: mark.saturating_sub(records.len() as u64), next: mark })
    }
}
