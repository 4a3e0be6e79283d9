//! Up to when rows of each kind may have been deleted: whoever is not on record before that may have been.
//!
//! What comes in: the line of a deletion, before the rows are gone. What goes out: the furthest line of a kind, after a
//! restart too. One small file, replaced whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tadoru_model::{RecordKind, UtcMicros};
use tadoru_store::StoreError;

use crate::folder::Folder;

/// The furthest line of each kind, by its name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Lines(BTreeMap<String, i64>);

impl Lines {
    /// Reads them; a folder without the file has deleted nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the file is not what was written.
    pub fn read(folder: &Folder) -> Result<Self, StoreError> {
        match std::fs::read(folder.file(NAME)) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|_| folder.damaged(NAME, "it is not what was written"))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(folder.fault("read", NAME, e)),
        }
    }

    /// Notes that rows of `kind` that ended by `before` are about to go; durable when it returns.
    ///
    /// # Errors
    /// What the disk says; then nothing may be deleted.
    pub fn note(&mut self, folder: &Folder, kind: RecordKind, before: i64) -> Result<(), StoreError> {
        if self.of(kind).0 >= before {
            return Ok(());
        }
        let mut next = self.0.clone();
        next.insert(kind.as_str().to_owned(), before);
        let text =
            serde_json::to_vec(&next).map_err(|e| folder.fault("write", NAME, std::io::Error::other(e)))?;
        folder.replace(NAME, &text)?;
        self.0 = next;
        Ok(())
    }

    /// The line of a kind.
    pub fn of(&self, kind: RecordKind) -> UtcMicros {
        self.0.get(kind.as_str()).map_or(UtcMicros::MIN, |line| UtcMicros(*line))
    }
}

/// The file.
pub(super) const NAME: &str = "deleted";
